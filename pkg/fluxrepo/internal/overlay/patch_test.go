package overlay_test

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// TestPatched: which patches of a list are put on an object.
func TestPatched(t *testing.T) {
	t.Parallel()
	const object = "{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: a, namespace: b}, spec: {path: ./old}}"
	const replace = `patch: '[{"op": "replace", "path": "/spec/path", "value": "./new"}]'`
	const merge = "patch: '{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: %s, namespace: b}, spec: {path: ./new}}'"
	for name, c := range map[string]struct {
		patches, want string // no path for an error
	}{
		"one for its kind":            {"[{target: {kind: Kustomization}, " + replace + "}]", "./new"},
		"one for its name":            {"[{target: {name: a}, " + replace + "}]", "./new"},
		"one for another kind":        {"[{target: {kind: GitRepository}, " + replace + "}]", "./old"},
		"one that names it":           {"[{" + named(merge, "a") + "}]", "./new"},
		"one that names another":      {"[{" + named(merge, "c") + "}]", "./old"},
		"one in a file":               {"[{target: {kind: Kustomization}, path: x.yaml}]", "./old"},
		"one that deletes it":         {"[{target: {kind: Kustomization}, patch: '{$patch: delete, kind: Kustomization, metadata: {name: a}}'}]", ""},
		"one that copies without end": {"[{target: {kind: Kustomization}, patch: '[" + copies(20) + "]'}]", ""},
		"no list":                     {"{a: b}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var in [2]yaml.Node
			for i, text := range []string{object, c.patches} {
				if err := yaml.Unmarshal([]byte(text), &in[i]); err != nil {
					t.Fatal(err)
				}
			}
			out, err := overlay.Patched(in[0].Content[0], in[1].Content[0])
			if (err != nil) != (c.want == "") {
				t.Fatalf("error: %v", err)
			}
			if got := yamldoc.Text(out, "spec", "path"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// copies are operations of which each doubles an object.
func copies(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"op": "copy", "from": "/spec", "path": "/spec/a%d"}`, i))
	}
	return strings.Join(all, ", ")
}

func named(patch, name string) string { return strings.Replace(patch, "%s", name, 1) }
