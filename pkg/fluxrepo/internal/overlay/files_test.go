package overlay_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

// TestWhatABuildReads: kustomize sees what a build reads, whoever names it and whatever its name, and nothing else.
func TestWhatABuildReads(t *testing.T) {
	t.Parallel()
	const patch = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: patched}}\n"
	for name, c := range map[string]struct {
		files      map[string]string
		want, fail string // a part of the object, or of the error
	}{
		"a patch that a transformer names": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n",
			"t.yaml":             "{apiVersion: builtin, kind: PatchTransformer, metadata: {name: t}, path: sub/p.txt}\n", "sub/p.txt": patch,
		}, "k: patched", ""},
		"a patch that a transformer in place names": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\ntransformers:\n- |\n  {apiVersion: builtin, kind: PatchTransformer, metadata: {name: t}, path: sub/p.txt}\n", "sub/p.txt": patch,
		}, "k: patched", ""},
		"a folder of transformers": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t]\n", "t/kustomization.yaml": "resources: [../u]\nnamespace: x\n",
			"u/kustomization.yaml": "resources: [t.yaml]\n",
			"u/t.yaml":             "{apiVersion: builtin, kind: PatchTransformer, metadata: {name: t}, patch: '" + strings.TrimSpace(patch) + "'}\n",
		}, "k: patched", ""},
		"a folder of transformers that may fetch": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t]\n", "t/kustomization.yaml": "resources: [t.yaml]\nnamePrefix: x\n",
			"t/t.yaml": "{apiVersion: builtin, kind: PatchTransformer, metadata: {name: t}, patch: '" + strings.TrimSpace(patch) + "'}\n",
		}, "k: plain", ""},
		"values that a generator names": {map[string]string{
			"kustomization.yaml": "generators: [g.yaml]\n",
			"g.yaml":             "{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: g}, name: g, files: [k=v.txt]}\n", "v.txt": "made",
		}, "k: made", ""},
		"a name with a space": {map[string]string{"kustomization.yaml": "resources: ['ä b+c.yaml']\n", "ä b+c.yaml": patch}, "k: patched", ""},
		"what is not in the artifact": {map[string]string{
			".sourceignore": "p.yaml\n", "kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "p.yaml": patch,
		}, "k: plain", ""},
		"two kustomizations":       {map[string]string{"kustomization.yaml": "resources: [a.yaml]\n", "kustomization.yml": "resources: [a.yaml]\n"}, "", "multiple kustomization files"},
		"a file that is too large": {map[string]string{"kustomization.yaml": "resources: [l.yaml]\n", "l.yaml": strings.Repeat("#", 17<<20)}, "", "l.yaml is larger than 16 MiB"},
		"aliases without end, in a file of any name": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.txt}]\n", "p.txt": patch + "---\na: &a [*a]\n",
		}, "", "not YAML: an alias contains itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.files["a.yaml"] = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: plain}}\n"
			tree, err := worktree.Scan(t.Context(), folder.Write(t, c.files), worktree.Options{})
			if err != nil {
				t.Fatal(err)
			}
			spec := overlay.Spec{Path: ".", Ignore: tree.Ignoring("")}
			top := overlay.NewReader(tree, func(string) bool { return false }).Folder(spec.Ignore, ".")
			built := overlay.NewCache().Run(overlay.Build{Tree: tree, Spec: &spec, Folders: overlay.All(top)})
			switch {
			case c.fail != "":
				if built.Err == nil || !strings.Contains(built.Err.Error(), c.fail) {
					t.Errorf("error %v; want %q", built.Err, c.fail)
				}
			case built.Err != nil || len(built.Objects) != 1 || !strings.Contains(string(built.Objects[0].Text), c.want):
				t.Errorf("got %+v; want %q", built, c.want)
			}
		})
	}
}
