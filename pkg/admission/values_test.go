package admission_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// objects is a reader of ConfigMaps, by name, with their values.yaml. Nothing else is there.
type objects map[string]string

func (o objects) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	text, found := o[key.Name]
	cm, ok := obj.(*corev1.ConfigMap)
	if !found || !ok {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	cm.Data = map[string]string{"values.yaml": text}
	return nil
}

// releases is a lister with these HelmReleases, in pages of one hundred. It counts them.
type releases struct {
	items []map[string]any
	err   error // of each page after the first
	pages atomic.Int32
}

func (r *releases) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if r.pages.Add(1) > 1 && r.err != nil {
		return r.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var o client.ListOptions
	o.ApplyOptions(opts)
	from := 0
	_, _ = fmt.Sscan(o.Continue, &from)
	page := map[string]any{"items": r.items[from:min(len(r.items), from+int(o.Limit))]}
	if from+int(o.Limit) < len(r.items) {
		page["metadata"] = map[string]any{"continue": fmt.Sprint(from + int(o.Limit))}
	}
	text, err := json.Marshal(page)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, list)
}

// naming is a HelmRelease of Spegel that takes values from a ConfigMap named values; more is added to its spec.
func naming(t testing.TB, name, more string) map[string]any {
	t.Helper()
	return object(t, `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: `+name+`, namespace: kube-system}
spec:
  interval: 1h
  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}
  valuesFrom: [{kind: ConfigMap, name: values}]
`+more).Object
}

// valuesReview is a request for ConfigMap values; without old data it is a create.
func valuesReview(t testing.TB, data, old map[string]string) *admissionv1.AdmissionRequest {
	t.Helper()
	raw := func(data map[string]string) runtime.RawExtension {
		text, err := json.Marshal(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "values", Namespace: "kube-system"}, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: text}
	}
	req := review(t, admissionv1.Create, nil, nil)
	req.Kind, req.Name = metav1.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, "values"
	req.Resource = metav1.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	if req.Object = raw(data); old != nil {
		req.Operation, req.OldObject = admissionv1.Update, raw(old)
	}
	return req
}

func yamlOf(text string) map[string]string { return map[string]string{"values.yaml": text} }

func TestConfigMaps(t *testing.T) {
	t.Parallel()
	const (
		goodList = "spegel: {mirroredRegistries: [https://docker.io]}"
		badList  = "spegel: {mirroredRegistries: [https://docker.io, https://registry.example.ts.net]}"
		swapped  = "spegel: {mirroredRegistries: [https://registry.example.ts.net, https://docker.io]}"
		worse    = "spegel: {mirroredRegistries: [https://registry.example.ts.net, https://harbor.example.com:8443]}"
		deadKey  = "spegel: {registries: [https://docker.io], mirroredRegistries: [https://docker.io]}"
		private  = "private-registry-mirrored"
	)
	const (
		hosts    = "spegel:\n  containerdMirrorAdd: true"
		noHosts  = "spegel:\n  containerdMirrorAdd: false"
		badEntry = "\n  mirroredRegistries: [https://registry.example.ts.net]"
	)
	spegel := []map[string]any{naming(t, "spegel", "")}
	inline := func(list string) []map[string]any {
		return []map[string]any{naming(t, "spegel", "  values: {spegel: {mirroredRegistries: "+list+"}}")}
	}
	cases := map[string]struct {
		data, old map[string]string
		releases  []map[string]any
		denied    string // rules
		warnings  []string
		verdict   string
	}{
		"a bad list in a new one":                 {data: yamlOf(badList), denied: private, verdict: "deny"},
		"a list that turns bad":                   {data: yamlOf(badList), old: yamlOf(goodList), denied: private, verdict: "deny"},
		"a dead key that is added beside a list":  {data: yamlOf(deadKey), old: yamlOf(goodList), verdict: "warn", warnings: []string{"legacy-registries-key: HelmRelease kube-system/spegel: spegel.registries: "}},
		"a list that is emptied":                  {data: yamlOf("spegel: {mirroredRegistries: []}"), old: yamlOf(goodList), denied: "empty-mirror-list", verdict: "deny"},
		"an empty list in place of none":          {data: yamlOf("spegel: {mirroredRegistries: []}"), old: yamlOf("a: 1"), verdict: "warn", warnings: []string{"nodes keep the old mirrors until", "empty-mirror-list: HelmRelease kube-system/spegel: spegel.mirroredRegistries: "}},
		"a list that is fixed":                    {data: yamlOf(goodList), old: yamlOf(badList), verdict: "pass", warnings: []string{"nodes keep the old mirrors until"}},
		"another position of a bad entry":         {data: yamlOf(swapped), old: yamlOf(badList), verdict: "warn", warnings: []string{"nodes keep the old mirrors until", private + ": HelmRelease kube-system/spegel: spegel.mirroredRegistries[0]: "}},
		"one more bad entry":                      {data: yamlOf(worse), old: yamlOf(badList), denied: private, verdict: "deny"},
		"another key beside a bad list":           {data: yamlOf(badList + "\nservice: {}"), old: yamlOf(badList), verdict: "warn", warnings: []string{private + ": HelmRelease kube-system/spegel: spegel.mirroredRegistries[1]: "}},
		"a list that is gone, and may have moved": {data: yamlOf("a: 1"), old: yamlOf(goodList), verdict: "warn", warnings: []string{"nodes keep the old mirrors until", "empty-mirror-list: HelmRelease kube-system/spegel: spegel.mirroredRegistries: "}},
		"data that are gone":                      {old: yamlOf(goodList), verdict: "unresolved", warnings: []string{"unresolved: HelmRelease kube-system/spegel: valuesFrom ConfigMap kube-system/values key values.yaml: has no such key"}},
		"what is no YAML":                         {data: yamlOf("a: ["), old: yamlOf(goodList), verdict: "unresolved", warnings: []string{"unresolved: HelmRelease kube-system/spegel: valuesFrom ConfigMap kube-system/values key values.yaml: is not YAML"}},
		"what stays":                              {data: yamlOf(badList), old: yamlOf(badList), verdict: "not-reviewed"},
		"another key, which none of them reads":   {data: map[string]string{"values.yaml": goodList, "other.yaml": badList}, old: yamlOf(goodList), verdict: "pass"},
		"a bad list that inline values replace":   {data: yamlOf(badList), releases: []map[string]any{naming(t, "spegel", "  values: {spegel: {mirroredRegistries: [https://ghcr.io]}}")}, verdict: "pass"},
		"a bad list for a suspended release":      {data: yamlOf(badList), releases: []map[string]any{naming(t, "spegel", "  suspend: true")}, verdict: "warn", warnings: []string{private + ": HelmRelease kube-system/spegel: spegel.mirroredRegistries[1]: "}},
		"a list that leaves a dead key behind": {data: yamlOf("spegel: {registries: [https://docker.io]}"), old: yamlOf(deadKey), verdict: "warn", warnings: []string{
			"nodes keep the old mirrors until", "legacy-registries-key: HelmRelease kube-system/spegel: spegel.registries: ", "empty-mirror-list: HelmRelease kube-system/spegel: spegel.mirroredRegistries: ",
		}},
		"hosts files, where there is no list":               {data: yamlOf(hosts), old: yamlOf(noHosts), denied: "empty-mirror-list", verdict: "deny"},
		"hosts files, where a release has a bad list":       {data: yamlOf(hosts), old: yamlOf(noHosts), releases: inline("[https://registry.example.ts.net]"), denied: private, verdict: "deny"},
		"hosts files, where a release has a good list":      {data: yamlOf(hosts), old: yamlOf(noHosts), releases: inline("[https://docker.io]"), verdict: "pass"},
		"hosts files that were written, by default":         {data: yamlOf(hosts), old: yamlOf("spegel: {}"), releases: inline("[https://registry.example.ts.net]"), verdict: "warn", warnings: []string{private}},
		"hosts files, beside a bad list":                    {data: yamlOf(hosts + badEntry), old: yamlOf(noHosts + badEntry), denied: private, verdict: "deny"},
		"hosts files by default, as the key may have moved": {data: yamlOf("spegel:" + badEntry), old: yamlOf(noHosts + badEntry), verdict: "warn", warnings: []string{private}},
		"hosts files by default, and one more bad entry":    {data: yamlOf("spegel:" + badEntry), old: yamlOf(noHosts), denied: private, verdict: "deny"},
		"hosts files, and a list that may have moved":       {data: yamlOf(hosts), old: yamlOf(noHosts + "\n  mirroredRegistries: [https://docker.io]"), verdict: "warn", warnings: []string{"nodes keep the old mirrors until", "empty-mirror-list"}},
		"hosts files that a release does without":           {data: yamlOf(hosts), old: yamlOf(noHosts), releases: []map[string]any{naming(t, "spegel", "  values: {spegel: {containerdMirrorAdd: false}}")}, verdict: "warn", warnings: []string{"empty-mirror-list"}},
		"a bad list that no release names":                  {data: yamlOf(badList), releases: []map[string]any{object(t, good).Object}, verdict: "not-spegel"},
		"a bad list, where there is no release":             {data: yamlOf(badList), releases: []map[string]any{}, verdict: "not-spegel"},
		"a bad list for another chart":                      {data: yamlOf(badList), releases: []map[string]any{with(object(t, naming2), "podinfo", "spec", "chart", "spec", "chart").Object}, verdict: "not-spegel"},
		"a bad list for a release that is on its way out": {
			data: yamlOf(badList), releases: []map[string]any{with(object(t, naming2), "2026-01-01T00:00:00Z", "metadata", "deletionTimestamp").Object}, verdict: "not-spegel",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := &releases{items: c.releases}
			if c.releases == nil {
				list.items = spegel
			}
			s := serveAll(t, newPolicy(t, ""), objects{}, list)
			for _, dryRun := range []bool{false, true} {
				req := valuesReview(t, c.data, c.old)
				req.DryRun = &dryRun
				resp := s.ask(t, req)
				checkText(t, resp)
				if got := rulesOf(resp); resp.Allowed != (c.denied == "") || got != c.denied {
					t.Errorf("allowed %t, denied for %q; want %q\n%+v", resp.Allowed, got, c.denied, resp.Result)
				}
				if resp.Allowed {
					checkBegin(t, resp.Warnings, c.warnings)
				} else if text := strings.Join(resp.Warnings, "\n"); strings.Contains(text, "nodes keep the old mirrors") {
					t.Errorf("a word of the restart, though nothing changes: %s", text)
				}
			}
			if diff := cmp.Diff(map[string]float64{c.verdict: 2}, s.count(t, "spegel_guard_reviews_total", "verdict")); diff != "" {
				t.Errorf("reviews by verdict (-want +got):\n%s", diff)
			}
		})
	}
}

const naming2 = `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: kube-system}
spec:
  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}
  valuesFrom: [{kind: ConfigMap, name: values}]
`

// checkBegin compares the beginnings of warnings.
func checkBegin(t *testing.T, got, want []string) {
	t.Helper()
	for i, w := range got {
		if i < len(want) && strings.HasPrefix(w, want[i]) {
			got[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestDenialOfAConfigMap(t *testing.T) {
	t.Parallel()
	const bad = "spegel: {mirroredRegistries: [https://registry.example.ts.net]}"
	for n, first := range map[int]string{
		1:   "in HelmRelease kube-system/spegel-0:",
		3:   "in HelmRelease kube-system/spegel-0, kube-system/spegel-1, kube-system/spegel-2:",
		250: "in HelmRelease kube-system/spegel-0, kube-system/spegel-1, kube-system/spegel-2 and 247 more:",
	} {
		list := &releases{}
		for i := range n {
			list.items = append(list.items, naming(t, fmt.Sprintf("spegel-%d", i), ""))
		}
		resp := serveAll(t, newPolicy(t, ""), objects{}, list).ask(t, valuesReview(t, yamlOf(bad), nil))
		checkText(t, resp)
		want := "Spegel would stand between containerd and your private registries (1 problem) " + first + "\n- valuesFrom ConfigMap kube-system/values key values.yaml: spegel.mirroredRegistries[0]: "
		if resp.Result == nil || !strings.HasPrefix(resp.Result.Message, want) || strings.Count(resp.Result.Message, "\n") != 1 {
			t.Errorf("%d releases: %+v\nwant %s", n, resp.Result, want)
		}
		if d := resp.Result.Details; d.Kind != "configmaps" || d.Group != "" || d.Name != "values" || resp.Result.Code != 403 {
			t.Errorf("details %+v", d)
		}
		if got, want := int(list.pages.Load()), (n+99)/100; got != want {
			t.Errorf("%d releases: %d pages, want %d", n, got, want)
		}
	}
}

// TestReleasesThatCantBeListed lets a ConfigMap in, and says that it was not judged.
func TestReleasesThatCantBeListed(t *testing.T) {
	t.Parallel()
	const bad = "spegel: {mirroredRegistries: [https://registry.example.ts.net]}"
	thousands := func(n int) *releases {
		list := &releases{}
		for i := range n {
			list.items = append(list.items, map[string]any{"metadata": map[string]any{"name": fmt.Sprint(i), "namespace": "kube-system"}})
		}
		return list
	}
	first := thousands(200)
	first.items[0] = naming(t, "spegel", "")
	first.err = errors.New("hunter2")
	refused := thousands(0)
	refused.err = apierrors.NewForbidden(schema.GroupResource{}, "", nil)
	refused.pages.Store(1)
	for name, c := range map[string]struct {
		list    *releases
		warning string
		denied  bool
	}{
		"no right":                         {list: refused, warning: "not permitted to read"},
		"no cluster":                       {warning: "there is no cluster to ask"},
		"an error after the first page":    {list: &releases{items: thousands(200).items, err: errors.New("hunter2")}, warning: "could not be read"},
		"time is up":                       {list: &releases{items: thousands(200).items, err: context.DeadlineExceeded}, warning: "not read in time"},
		"more than ten thousand":           {list: thousands(10_001), warning: "there are too many"},
		"an error after one that is found": {list: first, denied: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, newPolicy(t, ""), objects{})
			if c.list != nil {
				s = serveAll(t, newPolicy(t, ""), objects{}, c.list)
			}
			resp := s.ask(t, valuesReview(t, yamlOf(bad), nil))
			checkText(t, resp)
			if c.denied {
				if resp.Allowed {
					t.Error("what is known to be bad is admitted")
				}
				return
			}
			if want := []string{"not judged in full: the HelmReleases that use it could not be listed: " + c.warning}; !resp.Allowed || !cmp.Equal(resp.Warnings, want) {
				t.Errorf("allowed %t, warnings %q", resp.Allowed, resp.Warnings)
			}
			if diff := cmp.Diff(map[string]float64{"not-judged": 1}, s.count(t, "spegel_guard_reviews_total", "verdict")); diff != "" {
				t.Errorf("reviews by verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAConfigMapReviewReadsWhatItNeeds: one list, and no read of the ConfigMap, which came with the review, nor for releases of
// others.
func TestAConfigMapReviewReadsWhatItNeeds(t *testing.T) {
	t.Parallel()
	reads := &counting{}
	list := &releases{items: []map[string]any{naming(t, "spegel", ""), object(t, good).Object}}
	s := serveAll(t, newPolicy(t, ""), reads, list)
	resp := s.ask(t, valuesReview(t, yamlOf("spegel: {mirroredRegistries: [https://docker.io]}"), yamlOf("spegel: {}")))
	if !resp.Allowed || reads.reads.Load() != 0 || list.pages.Load() != 1 {
		t.Errorf("allowed %t, %d reads, %d lists; want one list", resp.Allowed, reads.reads.Load(), list.pages.Load())
	}
	resp = s.ask(t, valuesReview(t, yamlOf("spegel: {}"), yamlOf("spegel: {}")))
	if !resp.Allowed || reads.reads.Load() != 0 || list.pages.Load() != 1 {
		t.Errorf("where the data stay: allowed %t, %d reads, %d lists", resp.Allowed, reads.reads.Load(), list.pages.Load()-1)
	}
}

// TestSecrets are judged as ConfigMaps are, and nothing of them is shown but the private host.
func TestSecrets(t *testing.T) {
	t.Parallel()
	hr := with(object(t, naming2), []any{map[string]any{"kind": "Secret", "name": "values"}}, "spec", "valuesFrom")
	s := serveAll(t, newPolicy(t, ""), objects{}, &releases{items: []map[string]any{hr.Object}})
	ask := func(list, old string) *admissionv1.AdmissionResponse {
		raw := func(list string) runtime.RawExtension {
			text, err := json.Marshal(&corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: "values", Namespace: "kube-system"},
				Data:       map[string][]byte{"values.yaml": []byte("spegel: {mirroredRegistries: [" + list + "]}")},
			})
			if err != nil {
				t.Fatal(err)
			}
			return runtime.RawExtension{Raw: text}
		}
		req := valuesReview(t, nil, nil)
		req.Kind.Kind, req.Resource.Resource, req.Operation = "Secret", "secrets", admissionv1.Update
		req.Object, req.OldObject = raw(list), raw(old)
		resp := s.ask(t, req)
		checkText(t, resp)
		if strings.Contains(fmt.Sprint(resp.Result, resp.Warnings), "hunter2") {
			t.Errorf("an entry is shown: %+v", resp)
		}
		return resp
	}
	resp := ask("https://docker.io, https://registry.example.ts.net", "https://docker.io")
	if resp.Allowed || !strings.Contains(resp.Result.Message, "valuesFrom Secret kube-system/values key values.yaml: spegel.mirroredRegistries[1]: ") {
		t.Errorf("a private registry is admitted, or not named: %+v", resp.Result)
	}
	if resp := ask("hunter2, hunter22", "hunter2"); resp.Allowed || rulesOf(resp) != "invalid-mirror-url" {
		t.Errorf("one more malformed entry is admitted, or the old one counted: %+v", resp.Result)
	}
	if resp := ask("https://docker.io, hunter2", "hunter2"); !resp.Allowed {
		t.Errorf("a malformed entry that was there is refused: %+v", resp.Result)
	}
}

// TestValuesOfAnyShape never crash a review.
func TestValuesOfAnyShape(t *testing.T) {
	t.Parallel()
	s := serveAll(t, newPolicy(t, ""), objects{}, &releases{items: []map[string]any{
		naming(t, "spegel", ""), naming(t, "b", "  values: x"), {"metadata": map[string]any{"name": "c", "namespace": "kube-system"}},
	}})
	for _, raw := range []string{
		`{"metadata":{"name":"values"},"binaryData":{"values.yaml":"c3BlZ2VsOiB7fQ=="}}`,
		`{"metadata":{"name":"values"},"immutable":true,"data":{"values.yaml":"spegel: {registries: [x]}"}}`,
		`{"metadata":{"name":"values"},"data":null}`, `{"metadata":{"name":"values"},"data":{"values.yaml":"\u0000"}}`,
		`{"metadata":{"name":"values"},"data":{"values.yaml":"- a"}}`, `{"metadata":{"name":"values"},"data":{"values.yaml":"&a [*a]"}}`,
		`{"metadata":{"name":"values"},"data":{"values.yaml":"spegel: !!binary x"}}`, `{"metadata":{"name":"values"},"data":{"values.yaml":"5"}}`,
		`{"metadata":{"name":"values","deletionTimestamp":"2026-01-01T00:00:00Z"},"data":{"values.yaml":"spegel: {}"}}`, `{}`,
	} {
		for _, op := range []admissionv1.Operation{admissionv1.Create, admissionv1.Update, admissionv1.Delete} {
			req := valuesReview(t, nil, yamlOf("spegel: {mirroredRegistries: [https://docker.io]}"))
			req.Operation, req.Object.Raw = op, []byte(raw)
			resp := s.ask(t, req)
			checkText(t, resp)
			if code := resp.Result.Code; code != 200 && code != 403 {
				t.Errorf("%s of %s: %+v", op, raw, resp.Result)
			}
		}
	}
	req := valuesReview(t, nil, nil)
	req.Object.Raw = []byte(`{"data":{"a":5}}`)
	if resp := s.ask(t, req); resp.Result.Code != 400 {
		t.Errorf("no ConfigMap: %+v", resp.Result)
	}
}
