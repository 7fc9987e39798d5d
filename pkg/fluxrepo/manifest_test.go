package fluxrepo

import (
	"os"
	"path/filepath"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
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
		"an empty folder": {map[string]string{"README.md": "no"}, "path: ./apps"},
		"everything that a Kustomization can say": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\nnamespace: mine\nimages: [{name: a, newTag: '1'}, {name: b, digest: 'sha256:1'}]\n",
			"a.yaml":             object, "component/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n",
		}, `path: apps
targetNamespace: theirs
namePrefix: a-
nameSuffix: -z
components: [component, missing]
ignoreMissingComponents: true
images: [{name: a, newName: c}, {name: b, newTag: "2"}, {name: d, newTag: "3"}]
patches:
- patch: |
    kind: Namespace
  target: {group: g, version: v1, kind: Namespace, name: x, namespace: ns, labelSelector: a=b, annotationSelector: c=d}

patchesStrategicMerge: [{kind: Namespace, apiVersion: v1, metadata: {name: x, labels: {a: b}}}]
patchesJson6902: [{target: {version: v1, kind: Namespace, name: x}, patch: [{op: add, path: /metadata/labels, value: {}}]}]
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

			r, err := scan(t.Context(), root, ".", nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(ks)
			if err != nil {
				t.Fatal(err)
			}
			n := newGraph(t.Context(), r, Options{}).newNode(nil, &cluster{}, text, "ks.yaml", plainly)
			ours, err := n.manifest()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decodeManifest(t, manifest), decodeManifest(t, ours)); diff != "" {
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
	delete(out, "buildMetadata") // ours asks for origins
	return out
}
