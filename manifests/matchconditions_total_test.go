package manifests_test

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
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

// An expression that errors turns every such HelmRelease away, whoever owns it.
func TestMatchConditionsNeverError(t *testing.T) {
	t.Parallel()
	matcher := compile(webhook(t, render(t, ".")))
	metadata := []map[string]any{
		{"name": "podinfo"},
		{"name": "spegel"},
		{"generateName": "podinfo-"},
		{},
		{"name": "podinfo", "deletionTimestamp": "2026-01-01T00:00:00Z"},
	}
	calls := 0
	for _, spec := range append(specs(), nil) {
		for _, m := range metadata {
			object := map[string]any{"metadata": m}
			if spec != nil {
				object["spec"] = spec
			}
			result := match(t.Context(), matcher, object)
			if result.Error != nil {
				t.Fatalf("%v: %v", object, result.Error)
			}
			if result.Matches {
				calls++
			}
		}
	}
	if calls == 0 {
		t.Error("the webhook was never called: the conditions were not evaluated")
	}
}
