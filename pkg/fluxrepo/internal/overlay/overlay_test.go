package overlay

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// TestManifest compares the kustomization.yaml with the one that kustomize-controller would write.
func TestManifest(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n"
	for name, c := range map[string]struct {
		files map[string]string
		spec  string
	}{
		"a folder without one": {map[string]string{
			"b.yaml": object, "a.yml": object, "sub/c.yaml": object, "base/kustomization.yml": "resources: [d.yaml]", "base/d.yaml": object,
			"README.md": "no", "base/deep/e.yaml": object,
		}, "path: ./apps"},
		"an empty folder":                    {map[string]string{"README.md": "no"}, "path: ./apps"},
		"a kustomization that lists nothing": {map[string]string{"kustomization.yaml": "resources: []\n"}, "path: ./apps"},
		"everything that a Kustomization can say": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\nnamespace: mine\n",
			"a.yaml":             object, "component/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n",
		}, `path: apps
targetNamespace: theirs
namePrefix: a-
nameSuffix: -z
components: [component, missing]
ignoreMissingComponents: true
patches:
- patch: |
    kind: Namespace
  target: {group: g, version: v1, kind: Namespace, name: x, namespace: ns, labelSelector: a=b, annotationSelector: c=d}
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range c.files {
				file = filepath.Join(root, "apps", file)
				if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var spec map[string]any
			if err := yaml.Unmarshal([]byte(c.spec), &spec); err != nil {
				t.Fatal(err)
			}
			ks := map[string]any{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": map[string]any{"name": "apps"}, "spec": spec}
			manifest, _, _, err := fluxkustomize.NewGenerator(root, unstructured.Unstructured{Object: ks}).GenerateManifest(filepath.Join(root, "apps"))
			if err != nil {
				t.Fatal(err)
			}

			tree, err := worktree.Scan(t.Context(), root, worktree.Options{Words: []string{"spegel"}})
			if err != nil {
				t.Fatal(err)
			}
			ours := Spec{Path: "apps", Ignore: tree.Ignoring("")}
			if err := yaml.Unmarshal([]byte(c.spec), &ours); err != nil {
				t.Fatal(err)
			}
			top, err := ours.apply(tree, NewReader(tree, nil).Folder(ours.Ignore, "apps"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(top.ks)
			if err != nil {
				t.Fatal(err)
			}
			theirs := decodeManifest(t, manifest)
			if diff := cmp.Diff(theirs, decodeManifest(t, text)); diff != "" {
				t.Errorf("-kustomize-controller's +ours:\n%s", diff)
			}
		})
	}
}

func decodeManifest(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPlain: a message is the same in every run, and names no place that the user does not have.
func TestPlain(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"invalid schema file: json: unable to unmarshal JSON number": "invalid schema file: json: cannot unmarshal JSON number",
		"invalid schema file: json: cannot unmarshal JSON number":    "invalid schema file: json: cannot unmarshal JSON number",
		"no such file: /repository/apps/x.yaml":                      "no such file: apps/x.yaml",
		"a: b: cycle detected: '/repository'":                        "cycle detected: '.'",
	} {
		if got := Plain(errors.New(message)).Error(); got != want {
			t.Errorf("%s: got %q; want %q", message, got, want)
		}
	}
}

// TestRun: what may be left out of a build is, unless it fails without.
func TestRun(t *testing.T) {
	t.Parallel()
	const objects = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "
	for name, c := range map[string]struct {
		kustomization string
		want          []string
		err           string
	}{
		"a file is left out":                    {"resources: [a.yaml, b.yaml]", []string{"a"}, ""},
		"a patch needs the file":                {"resources: [a.yaml, b.yaml]\npatches: [{patch: '" + "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {x: y}}'}]", []string{"a", "b"}, ""},
		"a build that fails either way":         {"resources: [a.yaml, b.yaml]\npatches: [{patch: '" + "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}'}]", nil, "no resource matches"},
		"replacements are built with all there": {"resources: [a.yaml, b.yaml]\nreplacements: [{source: {kind: ConfigMap, name: b}, targets: [{select: {kind: ConfigMap, name: a}, fieldPaths: [metadata.name]}]}]", []string{"b", "b"}, "may not add resource"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for file, text := range map[string]string{"kustomization.yaml": c.kustomization, "a.yaml": objects + "a}\n", "b.yaml": objects + "b}\n"} {
				if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			tree, err := worktree.Scan(t.Context(), root, worktree.Options{})
			if err != nil {
				t.Fatal(err)
			}
			spec := Spec{Path: ".", Ignore: tree.Ignoring("")}
			folder := NewReader(tree, nil).Folder(spec.Ignore, ".")
			built := NewCache().Run(Build{Tree: tree, Spec: &spec, Folders: []*Folder{folder}, LeaveOut: func(p string) bool { return p == "b.yaml" }})
			if c.err != "" {
				if built.Err == nil || !strings.Contains(built.Err.Error(), c.err) {
					t.Errorf("got error %v; want %q", built.Err, c.err)
				}
				return
			}
			var got []string
			for _, o := range built.Objects {
				got = append(got, o.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || built.Err != nil {
				t.Errorf("error %v, -want +got:\n%s", built.Err, diff)
			}
		})
	}
}
