package manifests_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mebibyte is what the API server lets a ConfigMap hold.
const mebibyte = 1 << 20

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Data: data}
}

// many is so many keys that hold a value each.
func many(keys int, value string) map[string]string {
	data := make(map[string]string, keys)
	for i := range keys {
		data[fmt.Sprintf("key-%d", i)] = value
	}
	return data
}

// Called means that the webhook looks, if it answers: nobody waits for it.
func TestMatchConditionsOfConfigMaps(t *testing.T) {
	t.Parallel()
	matcher := compile(entry(t, render(t, "."), configMaps))
	values := func(text string) *corev1.ConfigMap { return configMap("app", map[string]string{"values.yaml": text}) }
	deleting := configMap("spegel", nil)
	deleting.DeletionTimestamp = new(metav1.Now())
	full := strings.Repeat("x", mebibyte)
	tests := map[string]struct {
		cm, old *corev1.ConfigMap
		called  bool
	}{
		"a name with spegel in it":             {cm: configMap("my-spegel-values", nil), called: true},
		"a list of mirrors":                    {cm: values("a:\n  mirroredRegistries: []\n"), called: true},
		"a spegel key on the first line":       {cm: values("spegel: {registries: []}"), called: true},
		"a spegel key on another line":         {cm: values("# values\nspegel:\n  registries: []\n"), called: true},
		"a spegel key on another line of DOS":  {cm: values("# values\r\nspegel:\r\n"), called: true},
		"a spegel key in JSON":                 {cm: values(`{"spegel":{}}`), called: true},
		"values that held a list of mirrors":   {cm: values("a: 1"), old: values("mirroredRegistries: []"), called: true},
		"data that are gone":                   {cm: configMap("app", nil), old: values("spegel: {}"), called: true},
		"501 keys":                             {cm: configMap("app", many(501, "")), called: true},
		"501 keys before":                      {cm: configMap("app", nil), old: configMap("app", many(501, "")), called: true},
		"50,000 keys":                          {cm: configMap("app", many(50_000, "")), old: configMap("app", many(50_000, "")), called: true},
		"one value of 1 MiB":                   {cm: values(full), called: true},
		"an update of 1 MiB to 1 MiB":          {cm: values(full), old: values(full), called: true},
		"other values":                         {cm: values("image: nginx\nnot-spegel: 1\n")},
		"spegel in the middle of a line":       {cm: values("mirror: spegel:1.0\n")},
		"no data":                              {cm: configMap("app", nil)},
		"500 keys with 1 MiB in all":           {cm: configMap("app", many(500, full[:mebibyte/500]))},
		"an update of 500 keys with 1 MiB":     {cm: configMap("app", many(500, full[:mebibyte/500])), old: configMap("app", many(500, full[:mebibyte/500]))},
		"ten values of 100,000 characters":     {cm: configMap("app", many(10, full[:100_000]))},
		"an update of ten such values":         {cm: configMap("app", many(10, full[:100_000])), old: configMap("app", many(10, full[:100_000]))},
		"the certificates of the cluster's CA": {cm: configMap("kube-root-ca.crt", map[string]string{"ca.crt": "-----BEGIN CERTIFICATE-----\n"})},
		"one that is being deleted":            {cm: deleting},
		"binary data":                          {cm: &corev1.ConfigMap{BinaryData: map[string][]byte{"values.yaml": []byte("spegel: {}")}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := matchConfigMap(t.Context(), matcher, test.cm, test.old); got.Error != nil || got.Matches != test.called {
				t.Errorf("called %v (error %v), want %v", got.Matches, got.Error, test.called)
			}
		})
	}
}

// An expression that errors, or costs too much, skips the ConfigMap in silence. So none does, for whatever the API server takes.
func TestMatchConditionsOfConfigMapsNeverError(t *testing.T) {
	t.Parallel()
	matcher := compile(entry(t, render(t, "."), configMaps))
	random := rand.New(rand.NewPCG(1, 2))
	all, called := 2000, 0
	if testing.Short() {
		all = 150
	}
	for range all {
		cm, old := generated(random), generated(random)
		if random.IntN(3) == 0 {
			old = nil
		}
		got := matchConfigMap(t.Context(), matcher, cm, old)
		if got.Error != nil {
			t.Fatalf("%d keys, before %v: %v", len(cm.Data), old != nil, got.Error)
		}
		if got.Matches {
			called++
		}
	}
	if called < all/10 || called > all-all/10 {
		t.Errorf("%d of %d called, want some and not all", called, all)
	}
}

// generated is a ConfigMap of any shape, most with what the conditions look for nearly, and some near a bound.
func generated(random *rand.Rand) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{}
	cm.Name = []string{"", "app", "spegel", "kube-root-ca.crt", "app", "app"}[random.IntN(6)]
	if random.IntN(20) == 0 {
		return cm
	}
	words := []string{"", "a: 1\n", "spegel", " spegel:", "mirroredRegistrie", "'spegel'", "\"spegel\\\"", "\x00", "ü", "\u2028", "\n", strings.Repeat("y", 9)}
	if random.IntN(4) == 0 {
		words = append(words, "spegel:", "mirroredRegistries", `"spegel"`)
	}
	keys := []int{0, 1, 3, 30, 499, 500, 501, 2000}[random.IntN(8)]
	total := 0
	cm.Data = map[string]string{}
	for i := range keys {
		value := words[random.IntN(len(words))]
		if random.IntN(keys) < 10 {
			value = strings.Repeat(value, random.IntN(100_000/(len(value)+1))) + words[random.IntN(len(words))]
		}
		if total += len(value); total > mebibyte {
			break
		}
		cm.Data[fmt.Sprint(i)] = value
	}
	if random.IntN(10) == 0 {
		cm.BinaryData = map[string][]byte{"b": make([]byte, random.IntN(1000))}
	}
	return cm
}

// BenchmarkMatchConditions is what the API server spends on objects of others, on top of what any webhook costs: it evaluates
// the conditions of each entry that asks for the kind.
func BenchmarkMatchConditions(b *testing.B) {
	in := build(b, kustomizationOf("base"), nil)
	page := strings.Repeat("a line of a dashboard, say\n", 1000)
	for name, cm := range map[string]*corev1.ConfigMap{
		"a small ConfigMap":       configMap("app", map[string]string{"a": "b", "c": "d"}),
		"a ConfigMap of 27 kB":    configMap("app", map[string]string{"a": page}),
		"a ConfigMap of 1 MB":     configMap("app", many(38, page)),
		"a ConfigMap of 500 keys": configMap("app", many(500, "a line")),
	} {
		matcher := compile(entry(b, in, configMaps))
		b.Run("update of "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := matchConfigMap(b.Context(), matcher, cm, cm); got.Error != nil || got.Matches {
					b.Fatal(got)
				}
			}
		})
	}
	podinfo := object(b, `{metadata: {name: podinfo}, spec: {interval: 1h, chart: {spec: {chart: podinfo}}, values: {replicas: 2, ui: {color: blue}}}}`)
	closed, open := compile(entry(b, in, failsClosed)), compile(entry(b, in, bestEffort))
	b.Run("update of another chart's release", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if match(b.Context(), closed, podinfo, podinfo).Matches || match(b.Context(), open, podinfo, podinfo).Matches {
				b.Fatal("called")
			}
		}
	})
}
