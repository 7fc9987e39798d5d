package release

import (
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
)

func TestFindingSaysWhereItsValueComesFrom(t *testing.T) {
	t.Parallel()
	c := newCluster(
		configMap("dead", values("spegel: {registries: [https://docker.io], mirroredRegistries: [https://docker.io]}")),
		configMap("list", map[string]string{"values.yaml": "spegel: {mirroredRegistries: [a, b, c]}", "k": "spegel: {mirroredRegistries: [d]}"}),
		configMap("empty", map[string]string{
			"values.yaml": "spegel: {mirroredRegistries: []}", "null": "spegel: {mirroredRegistries: null}", "map": "spegel: {mirroredRegistries: {}}",
			"entries": "spegel: {mirroredRegistries: {x: a}}", "spegel": "spegel: {}", "scalar": "spegel: 5", "dead": "spegel: {registries: {}}",
		}),
		configMap("top", values("{registries: [x], spegel: {mirroredRegistries: [https://docker.io]}}")),
		configMap("set", map[string]string{"values.yaml": "a", "list": "{a,b}", "null": "null", "more": "x,spegel.mirroredRegistries={a,b}", "": "x"}),
		secret("element", values("z")),
	)
	const list = "spegel.mirroredRegistries"
	dead := "valuesFrom ConfigMap kube-system/dead key values.yaml: spegel.registries"
	inList := func(ref, i string) string { return "invalid-mirror-url at valuesFrom " + ref + ": " + list + i }
	cm := func(name, k string) helmv2.ValuesReference { return key(from("ConfigMap", name), k) }
	tests := map[string]struct {
		inline string
		refs   []helmv2.ValuesReference
		want   []string
	}{
		"inline": {"spegel: {registries: []}", nil, []string{
			"legacy-registries-key at spec.values.spegel.registries", "empty-mirror-list at spec.values." + list,
		}},
		"inline beside a reference": {"spegel: {registries: []}", refs(from("ConfigMap", "list")), []string{
			"legacy-registries-key at spec.values.spegel.registries",
			inList("ConfigMap kube-system/list key values.yaml", "[0]"), inList("ConfigMap kube-system/list key values.yaml", "[1]"),
			inList("ConfigMap kube-system/list key values.yaml", "[2]"),
		}},
		"a ConfigMap":                    {"", refs(from("ConfigMap", "dead")), []string{"legacy-registries-key at " + dead}},
		"another key of it":              {"", refs(from("ConfigMap", "list"), cm("list", "k")), []string{inList("ConfigMap kube-system/list key k", "[0]")}},
		"the last of two that set it":    {"", refs(from("ConfigMap", "empty"), from("ConfigMap", "dead")), []string{"legacy-registries-key at " + dead}},
		"inline, over a reference":       {"spegel: {mirroredRegistries: [i]}", refs(from("ConfigMap", "list")), []string{"invalid-mirror-url at spec.values." + list + "[0]"}},
		"an empty list in a reference":   {"", refs(from("ConfigMap", "empty")), []string{"empty-mirror-list at valuesFrom ConfigMap kube-system/empty key values.yaml: " + list}},
		"null in a reference":            {"", refs(cm("empty", "null")), []string{"empty-mirror-list at valuesFrom ConfigMap kube-system/empty key null: " + list}},
		"an empty map in a reference":    {"", refs(cm("empty", "map")), []string{"empty-mirror-list at valuesFrom ConfigMap kube-system/empty key map: " + list, inList("ConfigMap kube-system/empty key map", "")}},
		"a map in a reference":           {"", refs(cm("empty", "entries")), []string{inList("ConfigMap kube-system/empty key entries", "")}},
		"an empty dead key":              {"spegel: {mirroredRegistries: [https://docker.io]}", refs(cm("empty", "dead")), []string{"legacy-registries-key at valuesFrom ConfigMap kube-system/empty key dead: spegel.registries"}},
		"spegel is no map":               {"", refs(cm("empty", "scalar")), []string{"invalid-mirror-url at valuesFrom ConfigMap kube-system/empty key scalar: spegel"}},
		"absent beside a reference":      {"", refs(cm("empty", "spegel")), []string{"empty-mirror-list at spec.values." + list}},
		"inline null over a reference":   {"spegel: {mirroredRegistries: null}", refs(from("ConfigMap", "list")), []string{"empty-mirror-list at spec.values." + list}},
		"a key at the top":               {"", refs(from("ConfigMap", "top")), []string{"misplaced-registries-key at valuesFrom ConfigMap kube-system/top key values.yaml: registries"}},
		"a targetPath":                   {"", refs(target(from("ConfigMap", "set"), list)), []string{inList("ConfigMap kube-system/set key values.yaml", "")}},
		"a list at a targetPath":         {"", refs(target(cm("set", "list"), list)), []string{inList("ConfigMap kube-system/set key list", "[0]"), inList("ConfigMap kube-system/set key list", "[1]")}},
		"null at a targetPath":           {"", refs(target(cm("set", "null"), list)), []string{"empty-mirror-list at valuesFrom ConfigMap kube-system/set key null: " + list}},
		"a literal at a targetPath":      {"", refs(literal(cm("set", "more"), list)), []string{inList("ConfigMap kube-system/set key more", "")}},
		"what a comma sets":              {"", refs(target(cm("set", "more"), "x")), []string{inList("ConfigMap kube-system/set key more", "[0]"), inList("ConfigMap kube-system/set key more", "[1]")}},
		"what a comma sets, over others": {"", refs(from("ConfigMap", "list"), target(cm("set", "more"), "x")), []string{inList("ConfigMap kube-system/set key more", "[0]"), inList("ConfigMap kube-system/set key more", "[1]")}},
		"a list and an element of it": {"", refs(from("ConfigMap", "list"), target(from("Secret", "element"), list+"[1]")), []string{
			inList("ConfigMap kube-system/list key values.yaml", "[0]"), inList("Secret kube-system/element key values.yaml", "[1]"),
			inList("ConfigMap kube-system/list key values.yaml", "[2]"),
		}},
		"a list at a targetPath and an element of it": {"", refs(target(cm("set", "list"), list), target(from("Secret", "element"), list+"[1]")), []string{
			inList("ConfigMap kube-system/set key list", "[0]"), inList("Secret kube-system/element key values.yaml", "[1]"),
		}},
		"an element of the inline list": {"spegel: {mirroredRegistries: [i, j]}", refs(target(from("Secret", "element"), list+"[1]")), []string{
			"invalid-mirror-url at spec.values." + list + "[0]", inList("Secret kube-system/element key values.yaml", "[1]"),
		}},
		"a gap that an element leaves": {"", refs(target(from("Secret", "element"), list+"[1]")), []string{
			inList("Secret kube-system/element key values.yaml", "[0]"), inList("Secret kube-system/element key values.yaml", "[1]"),
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := resolve(t, helmRelease(t, tc.inline, tc.refs...), c).Evaluate(privatePolicy(t))
			if diff := cmp.Diff(tc.want, told(res)); diff != "" {
				t.Errorf("findings (-want +got)\n%s", diff)
			}
			for _, f := range res.Findings {
				if f.Origin.Kind != "" && tc.refs[f.Origin.Index].Name != f.Origin.Name {
					t.Errorf("%s: index %d is not that of %s", f.Field(), f.Origin.Index, f.Origin.Name)
				}
			}
		})
	}
}

func TestNamesOfObjectsAreFitForOneLine(t *testing.T) {
	t.Parallel()
	hr := helmRelease(t, "", from("ConfigMap", "a\nb"))
	hr.Namespace = "is immutable"
	c := newCluster()
	obj := configMap("a\nb", values("spegel: {mirroredRegistries: []}"))
	obj.Namespace = hr.Namespace
	c.objects["ConfigMap is immutable/a\nb"] = obj
	res := resolve(t, hr, c).Evaluate(privatePolicy(t))
	want := []string{"empty-mirror-list at valuesFrom ConfigMap is_immutable/a_b key values.yaml: spegel.mirroredRegistries"}
	if diff := cmp.Diff(want, told(res)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A file need not say the namespace that its release goes to.
func TestFieldWithoutANamespace(t *testing.T) {
	t.Parallel()
	f := Finding{Origin: Origin{Kind: "ConfigMap", Name: "v", Key: "values.yaml"}}
	if got, want := f.Field(), "valuesFrom ConfigMap v key values.yaml"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
