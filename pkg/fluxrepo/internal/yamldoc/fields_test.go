package yamldoc_test

import (
	"reflect"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

func TestFieldsOfAnotherType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"spec: {path: ./a, patches: [{patch: x}]}": "",
		"spec: {interval: '${EVERY}', path: ./a}":  "", // nobody reads it
		"spec: {}":            "",
		"{}":                  "",
		"spec: {path: [a]}":   "spec.path is a list; want a text",
		"spec: {path: 1}":     "spec.path is a number; want a text",
		"spec: {patches: {}}": "spec.patches is a map; want a list",
		"spec: {patches: [{patch: x}, {patch: {}}]}":     "spec.patches[1].patch is a map; want a text",
		"spec: {postBuild: {substitute: {PORT: 80}}}":    "spec.postBuild.substitute.PORT is a number; want a text",
		"spec: {postBuild: {substitute: {DEBUG: true}}}": "spec.postBuild.substitute.DEBUG is true or false; want a text",
		"spec: {suspend: certainly}":                     "spec.suspend is a text; want true or false",
		"spec: flux":                                     "spec is a text; want a map",
		"[a]":                                            "the object is a list; want a map",
	} {
		fields, err := yamldoc.Fields([]byte(text), "spec.path", "spec.patches", "spec.postBuild", "spec.suspend")
		if err == nil {
			err = yamldoc.Into(fields, &kustomizev1.Kustomization{})
		}
		if err != nil {
			if got := err.Error(); got != want {
				t.Errorf("%s: %s; want %s", text, got, want)
			}
		} else if want != "" {
			t.Errorf("%s: no error; want %s", text, want)
		}
	}
}

func TestFieldsAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	const text = "metadata: {name: a, labels: {x: y}}\nspec:\n  values: {port: 12345678901234567890, deep: {er: [1]}}\n  containers: [{name: c, args: [x], port: 1}, text]\n"
	got, err := yamldoc.Fields([]byte(text), "metadata.name", "spec.values", "spec.containers.name", "spec.containers.args", "spec.gone")
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		Spec struct {
			Values struct {
				Port uint64
			}
		}
	}
	if err := yamldoc.Into(got, &values); err != nil || values.Spec.Values.Port != 12345678901234567890 {
		t.Errorf("%d, error %v; want the number as it is written", values.Spec.Values.Port, err)
	}
	spec, _ := got["spec"].(map[string]any)
	want := []any{map[string]any{"name": "c", "args": []any{"x"}}, "text"}
	if !reflect.DeepEqual(spec["containers"], want) || !reflect.DeepEqual(got["metadata"], map[string]any{"name": "a"}) {
		t.Errorf("got %v; want no other field", got)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	if got, want := yamldoc.Steps("spec.initContainers[0].args[12]"), []any{"spec", "initContainers", 0, "args", 12}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}
