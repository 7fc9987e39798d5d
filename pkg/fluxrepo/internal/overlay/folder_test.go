package overlay_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

// TestFolder: what a folder reads, and what it names that is not there, with its place.
func TestFolder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kustomization string
		reads         []string
		holes         []string
	}{
		"resources, patches and values": {
			"resources: [a.yaml, base]\npatches: [{path: p.yaml}, {patch: '{kind: x}'}]\nconfigMapGenerator: [{name: v, files: [values.yaml=v.txt]}]\n",
			[]string{"apps/kustomization.yaml", "apps/a.yaml", "apps/p.yaml", "apps/v.txt", "apps/base/kustomization.yaml", "apps/base/b.yaml"}, nil,
		},
		"the fields of old": {
			"bases: [base]\npatchesStrategicMerge:\n- p.yaml\n- |\n  kind: x\nsecretGenerator: [{name: v, env: v.txt}]\n",
			[]string{"apps/kustomization.yaml", "apps/p.yaml", "apps/v.txt", "apps/base/kustomization.yaml", "apps/base/b.yaml"}, nil,
		},
		"what is not there": {
			"resources:\n- a.yaml\n- gone.yaml\n- ../../x\n- https://example.com/x.yaml\n- images\ncomponents: [github.com/o/r]\nsecretGenerator: [{name: v, files: [k=base]}]\n",
			[]string{"apps/kustomization.yaml", "apps/a.yaml"},
			[]string{
				"3:3 resources gone.yaml does not exist", "4:3 resources ../../x leads out of the repository", "5:3 resources https://example.com/x.yaml is not in this repository (remote)",
				"6:3 resources images does not exist", "7:14 components github.com/o/r is not in this repository (remote) (shaping)", "8:37 secretGenerator base is a folder, not a file",
			},
		},
		"what generators and transformers would fetch": {
			"resources: [a.yaml]\ntransformers:\n- t.txt\n- |\n  {kind: PatchTransformer, path: \"HTTPS://example.com/x\"}\n- |\n  {kind: PatchTransformer, metadata: {name: t}, patch: 'a: https://example.com'}\n- 'github.com/o/r: {}'\n" +
				"generators:\n- |\n  {kind: ConfigMapGenerator, files: [\"k=http://example.com/x\"]}\n- base\npatchesStrategicMerge:\n- 'https://example.com/x?a: b'\n",
			[]string{"apps/kustomization.yaml", "apps/a.yaml", "apps/base/kustomization.yaml", "apps/base/b.yaml"},
			[]string{
				"10:3 generators what stands there names what is not in this repository (remote)", "14:3 patches https://example.com/x?a: b is not in this repository (remote) (shaping)",
				"3:3 transformers t.txt names what is not in this repository (remote) (shaping)",
				"4:3 transformers what stands there names what is not in this repository (remote) (shaping)",
				"8:3 transformers what stands there is no configuration (shaping)",
			},
		},
		"a field of another type": {
			"resources: [a.yaml]\npatches: p.yaml\n", []string{"apps/kustomization.yaml"}, []string{"2:10   patches is a text; want a list"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, err := worktree.Scan(t.Context(), folder.Write(t, map[string]string{
				"apps/kustomization.yaml": c.kustomization, "apps/a.yaml": "", "apps/p.yaml": "", "apps/v.txt": "", "apps/https:/example.com/x.yaml": "", "apps/images/a.png": "",
				"apps/t.txt":                   "kind: PatchTransformer\npaths: [https://example.com/x]\n",
				"apps/base/kustomization.yaml": "resources: [b.yaml]\n", "apps/base/b.yaml": "",
			}), worktree.Options{})
			if err != nil {
				t.Fatal(err)
			}
			f := overlay.NewReader(tree, func(string) bool { return false }).Folder(tree.Ignoring(""), "apps")
			var reads, holes []string
			reads = append(reads, overlay.Files(overlay.All(f)...)...)
			for _, h := range f.Holes {
				hole := fmt.Sprintf("%d:%d %s %s %s", h.Line, h.Column, h.Field, h.Path, h.Problem)
				if h.Remote {
					hole += " (remote)"
				}
				if h.Shaping {
					hole += " (shaping)"
				}
				holes = append(holes, hole)
			}
			slices.Sort(holes)
			if diff := cmp.Diff([][]string{c.reads, c.holes}, [][]string{reads, holes}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
