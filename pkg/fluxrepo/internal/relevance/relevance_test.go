package relevance_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/relevance"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

func kustomization(name, path, extra string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
		"spec: {path: " + path + ", sourceRef: {kind: GitRepository, name: r}" + extra + "}\n"
}

func patched(target, patch string) string {
	return kustomization("root", "./ks", ", patches: [{target: {name: '"+target+"'}, patch: '"+patch+"'}]")
}

const (
	spegel = "kind: HelmRelease\nmetadata: {name: spegel}\n"
	other  = "kind: HelmRelease\nmetadata: {name: podinfo}\n"
)

// TestRates: which Kustomizations of a folder are left out of the build above them.
func TestRates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		needs []string
		want  []string
	}{
		"what has no word": {map[string]string{"a/x.yaml": spegel, "b/x.yaml": other}, nil, []string{"b"}},
		"what refers to a name that is needed": {
			map[string]string{"a/x.yaml": spegel, "b/x.yaml": "spec: {valuesFrom: [{kind: ConfigMap, name: values}]}\n"}, []string{"values"}, []string{"b"},
		},
		"but not what makes it": {
			map[string]string{"a/x.yaml": spegel, "b/x.yaml": "kind: ConfigMap\nmetadata: {name: values}\n"}, []string{"values"}, nil,
		},
		"nor what generates it": {
			map[string]string{"a/x.yaml": spegel, "b/kustomization.yaml": "configMapGenerator: [{name: values}]\n"}, []string{"values-0123456789"}, nil,
		},
		"nor what a patch with a word names": {
			map[string]string{"a/x.yaml": other, "b/x.yaml": other, "root.yaml": patched("b", "spegel")}, nil, []string{"a"},
		},
		"but not what only begins like the name of what has one": {
			map[string]string{"a/x.yaml": spegel, "v.yaml": "kind: ConfigMap\nmetadata: {name: bas}\ndata: {x: spegel}\n", "b/x.yaml": other, "root.yaml": patched("", "{metadata: {name: base}}")}, nil, []string{"b"},
		},
		"by an expression, which names the whole": {
			map[string]string{"a/x.yaml": other, "b/x.yaml": other, "root.yaml": patched("(b|c|aa)", "spegel")}, nil, []string{"a"},
		},
		"nor anything beside a patch with a word that names none": {
			map[string]string{"a/x.yaml": other, "b/x.yaml": other, "root.yaml": patched("", "spegel")}, nil, nil,
		},
		"nor beside one that leads to a folder with a word": {
			map[string]string{"a/x.yaml": spegel, "b/x.yaml": other, "root.yaml": patched("", "{spec: {path: ./a}}")}, nil, nil,
		},
		"or adds one as a component": {
			map[string]string{"a/x.yaml": spegel, "b/x.yaml": other, "root.yaml": patched("", "{spec: {components: [../c, ../a]}}")}, nil, nil,
		},
		"but what gets the name of such a folder as a variable": {
			map[string]string{"a/x.yaml": other, "up/a/x.yaml": spegel, "b/x.yaml": other, "root.yaml": patched("", "{spec: {postBuild: {substitute: {SYNC_PATH: up/a}}}}")}, nil, []string{"a", "b"},
		},
		"nor what a patch leads to without a word": {
			map[string]string{"a/x.yaml": other, "up/a/x.yaml": other, "b/x.yaml": other, "root.yaml": patched("", "{spec: {path: ./up/a}}")}, nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := map[string]string{"root.yaml": kustomization("root", "./ks", ""), "ks/a.yaml": kustomization("a", "./a", ""), "ks/b.yaml": kustomization("b", "./b", "")}
			maps.Copy(all, c.files)
			tree, err := worktree.Scan(t.Context(), folder.Write(t, all), worktree.Options{Words: []string{"spegel"}})
			if err != nil {
				t.Fatal(err)
			}
			decl := declare.New(tree, nil, false)
			f := relevance.New(tree, decl, false, nil)
			for _, name := range c.needs {
				f.Note(&overlay.Object{Kind: "HelmRelease", Text: []byte("spec: {chart: {spec: {chart: spegel}}, valuesFrom: [{name: " + name + "}]}")})
			}
			f.Rate()
			root := decl.Roots[0]
			_, leaveOut := f.Rates(root, "", "")
			var got []string
			for _, name := range []string{"a", "b"} {
				if leaveOut("ks/" + name + ".yaml") {
					got = append(got, name)
				}
			}
			if diff := cmp.Diff(c.want, slices.Clip(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
