package manifests_test

import (
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
)

// absent stands for a field that is not there.
type absent struct{}

// alternatives are the shapes in which the fields that the conditions look at can reach them. spec.values has no type in
// the CRD; the others have one, and the API server drops a null before it evaluates any condition.
var alternatives = []struct {
	field  string
	shapes []any
}{
	{"releaseName", []any{absent{}, "web", "spegel"}},
	{"chart", []any{
		absent{},
		map[string]any{"spec": map[string]any{"chart": "podinfo"}},
		map[string]any{"spec": map[string]any{"chart": "spegel"}},
		map[string]any{"spec": map[string]any{"url": "oci://ghcr.io/spegel-org/helm-charts/spegel"}},
		map[string]any{"spec": map[string]any{}},
		map[string]any{},
	}},
	{"chartRef", []any{
		absent{},
		map[string]any{"kind": "OCIRepository", "name": "app"},
		map[string]any{"kind": "OCIRepository", "name": "spegel"},
		map[string]any{},
	}},
	{"values", []any{
		absent{}, nil, "", "spegel", true, int64(1), 1.5, []any{}, []any{"spegel"}, map[string]any{},
		map[string]any{"image": "a"}, map[string]any{"spegel": nil}, map[string]any{"spegel": "a"},
		map[string]any{"spegel": map[string]any{"registries": []any{"https://docker.io"}}},
	}},
	{"valuesFrom", []any{absent{}, []any{}, []any{map[string]any{"kind": "ConfigMap", "name": "v"}}}},
}

// specs is every combination of the alternatives.
func specs() []map[string]any {
	all := []map[string]any{{"interval": "1h"}}
	for _, a := range alternatives {
		var next []map[string]any
		for _, spec := range all {
			for _, shape := range a.shapes {
				grown := maps.Clone(spec)
				if shape != any(absent{}) {
					grown[a.field] = runtime.DeepCopyJSONValue(shape)
				}
				next = append(next, grown)
			}
		}
		all = next
	}
	return all
}

// An expression that errors turns every such HelmRelease away, whoever owns it, or skips it in silence. And of two entries no more
// than one calls: one that is shown is called for by either, whatever changes.
func TestMatchConditionsNeverError(t *testing.T) {
	t.Parallel()
	closed, open := compile(entry(t, render(t, "."), failsClosed)), compile(entry(t, render(t, "."), bestEffort))
	metadata := []map[string]any{
		{"name": "podinfo"},
		{"name": "spegel"},
		{"generateName": "podinfo-"},
		{},
		{"name": "podinfo", "deletionTimestamp": "2026-01-01T00:00:00Z"},
	}
	all := append(specs(), nil)
	calls := map[string]int{}
	for i, spec := range all {
		for j, m := range metadata {
			n := i*len(metadata) + j
			obj := release(m, spec)
			if spec != nil && n%3 > 0 {
				obj = release(m, spec, "suspend", n%3 == 1)
			}
			old := []map[string]any{nil, runtime.DeepCopyJSON(obj), release(m, all[(i*7+j)%len(all)])}[n%7%3]
			var called []string
			for name, matcher := range map[string]matchconditions.Matcher{failsClosed: closed, bestEffort: open} {
				result := match(t.Context(), matcher, obj, old)
				if result.Error != nil {
					t.Fatalf("%v, before %v: %v", obj, old, result.Error)
				}
				if result.Matches {
					called = append(called, name)
				}
			}
			calls[strings.Join(called, "")]++
		}
	}
	for _, called := range []string{"", failsClosed, bestEffort} {
		if calls[called] < 1000 {
			t.Errorf("%d objects are sent by %q, want many", calls[called], called)
		}
	}
	if len(calls) != 3 {
		t.Errorf("some objects are sent twice: %v", calls)
	}
}

// release is a HelmRelease, with one more field in its spec.
func release(metadata, spec map[string]any, more ...any) map[string]any {
	obj := map[string]any{"metadata": metadata}
	if spec != nil {
		obj["spec"] = spec
	}
	if len(more) > 0 {
		spec = maps.Clone(spec)
		spec[more[0].(string)] = more[1]
		obj["spec"] = spec
	}
	return obj
}
