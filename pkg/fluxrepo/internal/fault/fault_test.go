package fault_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fault"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

func kustomization(name, path string) string {
	return "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
		"spec:\n  path: " + path + "\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
}

const release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spegel}\nspec: {chart: {spec: {chart: spegel}}}\n"

// TestAll: where each fault is, what it says, and whether it counts: because a release of Spegel could come from there, or
// only where one is not built.
func TestAll(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	for name, c := range map[string]struct {
		files   map[string]string
		want    []string
		unbuilt bool
	}{
		"none": {nil, nil, false},
		"a path that does not exist": {
			map[string]string{"c/b.yaml": kustomization("b", "./gone")},
			[]string{"c/b.yaml:6:3: Kustomization b: its path ./gone is not in this repository"}, false,
		},
		"a path that does not exist, and a release that nothing builds": {
			map[string]string{"c/b.yaml": kustomization("b", "./gone")},
			[]string{"c/b.yaml:6:3: Kustomization b: its path ./gone is not in this repository; concerns Spegel"}, true,
		},
		"a file that is not there, beside a release that nothing builds": {
			map[string]string{"c/b.yaml": kustomization("b", "./more"), "more/kustomization.yaml": "resources: [x.yaml, s/ks.yml]\n", "more/x.yaml": object, "more/s/ks.yaml": release},
			[]string{"more/kustomization.yaml:1:21: resources: s/ks.yml does not exist; concerns Spegel"}, true,
		},
		"a file that is not there, far from one": {
			map[string]string{"c/b.yaml": kustomization("b", "./more"), "more/kustomization.yaml": "resources: [x.yaml, t/ks.yml]\n", "more/x.yaml": object, "more/s/ks.yaml": release},
			[]string{"more/kustomization.yaml:1:21: resources: t/ks.yml does not exist"}, true,
		},
		"a path with a variable that nobody sets": {
			map[string]string{"c/b.yaml": kustomization("b", "./${X}")},
			[]string{"c/b.yaml:6:3: Kustomization b: its path holds a variable without a value: ./${X}; concerns Spegel; lies elsewhere"}, false,
		},
		"a path of another repository that is called Spegel": {
			map[string]string{"c/b.yaml": strings.Replace(kustomization("b", "./spegel"), "GitRepository, name", "OCIRepository, name", 1)},
			[]string{"c/b.yaml:6:3: Kustomization b: built from OCIRepository flux-system, whose files are not known; concerns Spegel; lies elsewhere"}, false,
		},
		"what can't be built": {
			map[string]string{"apps/kustomization.yaml": "resources: [x.yaml, x.yaml]\n"},
			[]string{"c/a.yaml:6:3: Kustomization a can't be; concerns Spegel"}, false,
		},
		"what can't be built and has nothing to do with Spegel": {
			map[string]string{"c/b.yaml": kustomization("b", "./more") + "  patches: [{patch: '[spegel'}]\n", "more/x.yaml": object},
			[]string{"c/b.yaml:8:13: Kustomization b can't be"}, false,
		},
		"an empty kustomization": {
			map[string]string{"apps/kustomization.yaml": ""}, []string{"apps/kustomization.yaml:0:0: holds no kustomization; concerns Spegel"}, true,
		},
		"one with comments alone above what another builds": {
			map[string]string{"c/b.yaml": kustomization("b", "./"), "kustomization.yaml": "# a dummy\n"}, []string{"kustomization.yaml:0:0: holds no kustomization"}, false,
		},
		"values that a release takes, in a file that is no YAML": {
			map[string]string{
				"apps/x.yaml": strings.Replace(release, "spec: {", "spec: {valuesFrom: [{kind: ConfigMap, name: v}], ", 1),
				"v.yaml":      "kind: ConfigMap\nmetadata: {name: v}\ndata: [\n",
			},
			[]string{"v.yaml:3:1: is not YAML: did not find expected node content; concerns Spegel"}, false,
		},
		"a file of a build that is no YAML": {
			map[string]string{"apps/y.yaml": "a: [\n"}, []string{"apps/y.yaml:1:1: is not YAML: did not find expected node content; concerns Spegel"}, false,
		},
		"a file that is not there": {
			map[string]string{"apps/kustomization.yaml": "resources:\n- x.yaml\n- gone.yaml\n"}, []string{"apps/kustomization.yaml:3:3: resources: gone.yaml does not exist; concerns Spegel"}, false,
		},
		"the same beside another release": {
			map[string]string{"c/b.yaml": kustomization("b", "./more"), "more/kustomization.yaml": "resources: [x.yaml, gone.yaml]\n", "more/x.yaml": object},
			[]string{"more/kustomization.yaml:1:21: resources: gone.yaml does not exist"}, false,
		},
		"what lies elsewhere": {
			map[string]string{"apps/kustomization.yaml": "resources: [x.yaml, 'https://example.com/x.yaml']\n"},
			[]string{"apps/kustomization.yaml:1:21: resources: https://example.com/x.yaml is not in this repository, so what it holds is not checked; concerns Spegel; lies elsewhere"}, false,
		},
		"a ResourceSet that is wrong": {
			map[string]string{"apps/set.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: set}\nspec:\n  inputs: {app: spegel}\n"},
			[]string{"apps/set.yaml:5:3: ResourceSet set: spec.inputs is a map; want a list; concerns Spegel"}, false,
		},
		"a ResourceSet that is wrong, perhaps, by a variable": {
			map[string]string{
				"c/a.yaml":      kustomization("a", "./apps") + "  postBuild: {substituteFrom: [{kind: Secret, name: gone}]}\n",
				"apps/set.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: set}\nspec:\n  inputs: '${X}'\n",
			},
			[]string{"apps/set.yaml:5:3: ResourceSet set can't be followed, so what it builds is not checked: spec.inputs is a text; want a list; lies elsewhere"}, false,
		},
		"a ResourceSet of a provider": {
			map[string]string{"apps/set.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: set}\nspec: {inputsFrom: [{kind: ResourceSetInputProvider, name: p}], resources: []}\n"},
			[]string{"apps/set.yaml:1:1: ResourceSet set can't be followed, so what it builds is not checked: its inputs come from a provider; lies elsewhere"}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"c/a.yaml": kustomization("a", "./apps"), "apps/x.yaml": release}
			maps.Copy(files, c.files)
			tree, err := worktree.Scan(t.Context(), folder.Write(t, files), worktree.Options{Words: []string{"spegel"}})
			if err != nil {
				t.Fatal(err)
			}
			g := fluxgraph.New(t.Context(), tree, fluxgraph.Options{Given: substitute.NewGiven(nil, nil), Named: func(string) bool { return false }})
			var got []string
			options := fault.Options{Asked: func(string) bool { return true }, Unbuilt: c.unbuilt}
			for f := range fault.All(g, options) {
				message, _, _ := strings.Cut(f.Message, " built: ") // what follows are kustomize's words
				text := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, message)
				if f.Concerns {
					text += "; concerns Spegel"
				}
				if f.Remote {
					text += "; lies elsewhere"
				}
				got = append(got, text)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, slices.Compact(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
