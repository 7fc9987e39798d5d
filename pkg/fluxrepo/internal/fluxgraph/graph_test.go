package fluxgraph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

func kustomization(name, path, source string) string {
	return "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
		"spec: {path: " + path + ", sourceRef: {kind: GitRepository, name: " + source + "}}\n"
}

func repository(name, url string) string {
	return "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: " + name + ", namespace: flux-system}\nspec: {url: " + url + "}\n"
}

const (
	release  = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spegel}\nspec: {chart: {spec: {chart: spegel}}}\n"
	podinfo  = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: podinfo}\nspec: {chart: {spec: {chart: podinfo}}}\n"
	instance = "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\n" +
		"spec: {sync: {kind: GitRepository, url: 'https://github.com/o/r', path: clusters/a}}\n"
)

// TestNew: which chains there are, and which of them are built.
func TestNew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  []string // chains; one in brackets is not built
	}{
		"what no other builds is a root": {
			map[string]string{"c/a.yaml": kustomization("a", "./fleet", "r"), "fleet/b.yaml": kustomization("b", "./apps", "r"), "apps/x.yaml": release},
			[]string{"a", "a b"},
		},
		"one that builds itself is a root": {
			map[string]string{"c/a.yaml": kustomization("a", "./c", "r") + kustomization("b", "./apps", "r"), "apps/x.yaml": release},
			[]string{"a", "a b"},
		},
		"what leads to nothing of Spegel is not built": {
			map[string]string{"c/a.yaml": kustomization("a", "./fleet", "r"), "fleet/b.yaml": kustomization("b", "./apps", "r") + kustomization("c", "./other", "r"), "apps/x.yaml": release, "other/y.yaml": podinfo},
			[]string{"a", "a b", "[a c]"},
		},
		"a commented-out line puts to sleep": {
			map[string]string{"c/a.yaml": kustomization("a", "./fleet", "r"), "fleet/kustomization.yaml": "resources: [b.yaml]\n# - c.yaml\n", "fleet/b.yaml": kustomization("b", "./apps", "r"), "fleet/c.yaml": kustomization("c", "./apps", "r"), "apps/x.yaml": release},
			[]string{"a", "a b"},
		},
		"and one of a folder above": {
			map[string]string{"c/a.yaml": kustomization("a", "./fleet", "r"), "fleet/kustomization.yaml": "resources: [b.yaml]\n# - ns\n", "fleet/b.yaml": kustomization("b", "./apps", "r"), "fleet/ns/kustomization.yaml": "resources: [c.yaml]\n", "fleet/ns/c.yaml": kustomization("c", "./apps", "r"), "apps/x.yaml": release},
			[]string{"a", "a b"},
		},
		"but not what alone leads to another": {
			map[string]string{"c/a.yaml": kustomization("a", "./fleet", "r"), "fleet/kustomization.yaml": "resources: [x.yaml]\n", "fleet/x.yaml": podinfo, "fleet/c.yaml": kustomization("c", "./more", "r"), "more/d.yaml": kustomization("d", "./apps", "r"), "apps/x.yaml": release},
			[]string{"[a]", "c", "c d"},
		},
		"a FluxInstance is a root": {
			map[string]string{"flux.yaml": instance, "clusters/a/b.yaml": kustomization("b", "./apps", "flux-system"), "apps/x.yaml": release},
			[]string{"flux-system", "flux-system b"},
		},
		"unless another Kustomization builds it": {
			map[string]string{"c/a.yaml": kustomization("a", "./flux", "r"), "flux/flux.yaml": instance, "clusters/a/b.yaml": kustomization("b", "./apps", "flux-system"), "apps/x.yaml": release},
			[]string{"a", "a flux-system", "a flux-system b"},
		},
		"another repository is not followed": {
			map[string]string{".git/config": "[remote \"origin\"]\n\turl = https://github.com/o/r\n", "c/a.yaml": repository("theirs", "https://github.com/o/s") + kustomization("a", "./apps", "theirs"), "apps/x.yaml": release},
			[]string{"[a]"},
		},
		"nor is one that is not declared, by the root alone": {
			map[string]string{"c/a.yaml": kustomization("a", "./apps", "r") + kustomization("b", "./", "theirs"), "apps/x.yaml": release},
			[]string{"a", "[b]"},
		},
		"unless there is nothing else": {
			map[string]string{"c/a.yaml": kustomization("a", "./", "r"), "apps/x.yaml": release},
			[]string{"a"},
		},
		"nor is another repository, because its root is built": {
			map[string]string{".git/config": "[remote \"origin\"]\n\turl = https://github.com/o/r\n", "c/a.yaml": repository("theirs", "https://github.com/o/s") + kustomization("a", "./", "theirs"), "apps/x.yaml": release},
			[]string{"[a]"},
		},
		"whatever the scheme": {
			map[string]string{".git/config": "[remote \"origin\"]\n\turl = git@github.com:o/r.git\n", "c/a.yaml": repository("mine", "https://github.com/o/r") + kustomization("a", "./apps", "mine"), "apps/x.yaml": release},
			[]string{"a"},
		},
		"a loop ends": {
			map[string]string{"c/a.yaml": kustomization("a", "./d", "r"), "d/b.yaml": kustomization("b", "./c", "r"), "c/x.yaml": release},
			[]string{"a", "a b"},
		},
		"those that build the folder they lie in are followed once": {
			map[string]string{"c/x.yaml": release, "c/k.yaml": kustomization("a", "./c", "r") + kustomization("b", "./c", "r") + kustomization("c", "./c", "r") + kustomization("d", "./c", "r")},
			[]string{"a", "a b", "a c", "a d"},
		},
		"so is what two build, and what that builds": {
			map[string]string{"c/k.yaml": kustomization("a", "./d", "r") + kustomization("b", "./d", "r"), "root/r.yaml": kustomization("root", "./c", "r"), "d/k.yaml": kustomization("c", "./e", "r") + kustomization("d", "./e", "r"), "e/x.yaml": release},
			[]string{"root", "root a", "root b", "root a c", "root a d"},
		},
		"unless one of them changes it": {
			map[string]string{"root/r.yaml": kustomization("root", "./c", "r"), "c/k.yaml": kustomization("a", "./d", "r") + strings.Replace(kustomization("b", "./d", "r"), "spec: {", "spec: {patches: [{target: {name: c}, patch: '[{\"op\": \"add\", \"path\": \"/spec/suspend\", \"value\": true}]'}], ", 1), "d/k.yaml": kustomization("c", "./e", "r"), "e/x.yaml": release},
			[]string{"root", "root a", "root b", "root a c", "root b c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, err := worktree.Scan(t.Context(), folder.Write(t, c.files), worktree.Options{Words: []string{"spegel"}})
			if err != nil {
				t.Fatal(err)
			}
			g := fluxgraph.New(t.Context(), tree, fluxgraph.Options{Given: substitute.NewGiven(nil, nil), Named: func(string) bool { return false }})
			var got []string
			for _, n := range g.Instances {
				var chain []string
				for _, up := range n.Chain() {
					chain = append(chain, up.Name)
				}
				text := strings.Join(chain, " ")
				if !n.Built {
					text = "[" + text + "]"
				}
				got = append(got, text)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestInFull: which Kustomizations that can't be followed may hold what nothing builds.
func TestInFull(t *testing.T) {
	t.Parallel()
	elsewhere := repository("r", "https://github.com/o/s")
	for name, c := range map[string]struct {
		declared string
		want     bool
	}{
		"an artifact that nothing here makes":      {strings.Replace(kustomization("a", "./apps", "r"), "GitRepository", "ExternalArtifact", 1), true},
		"of another folder":                        {strings.Replace(kustomization("a", "./ap", "r"), "GitRepository", "ExternalArtifact", 1), false},
		"a variable in the path":                   {kustomization("a", "'./apps/${X}'", "flux-system"), true},
		"in the last part of it":                   {kustomization("a", "./a${X}", "flux-system"), true},
		"elsewhere":                                {kustomization("a", "'./more/${X}'", "flux-system"), false},
		"in a path of another repository":          {elsewhere + kustomization("a", "'./apps/${X}'", "r"), false},
		"suspended":                                {strings.Replace(kustomization("a", "'./apps/${X}'", "flux-system"), "{", "{suspend: true, ", 2), false},
		"the root of a source that is not known":   {kustomization("a", "./", "theirs") + kustomization("b", "./c", "flux-system"), true},
		"the root of another repository":           {elsewhere + kustomization("a", "./", "r") + kustomization("b", "./c", "flux-system"), false},
		"a folder that is not in this repository":  {kustomization("a", "./gone", "flux-system"), false},
		"what is built from this repository alone": {kustomization("b", "./c", "flux-system"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				".git/config": "[remote \"origin\"]\n\turl = https://github.com/o/r\n", "c/a.yaml": c.declared, "apps/x.yaml": release,
			}
			tree, err := worktree.Scan(t.Context(), folder.Write(t, files), worktree.Options{Words: []string{"spegel"}})
			if err != nil {
				t.Fatal(err)
			}
			g := fluxgraph.New(t.Context(), tree, fluxgraph.Options{Given: substitute.NewGiven(nil, nil), Named: func(string) bool { return false }})
			if got := g.InFull("apps/x.yaml"); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestFindReadsOnce: what stands in a file is read once, however many ask for it, and what a ResourceSet there makes is found too.
func TestFindReadsOnce(t *testing.T) {
	t.Parallel()
	const set = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: set, namespace: a}\n" +
		"spec: {inputs: [{n: 1}], resources: [{apiVersion: v1, kind: ConfigMap, metadata: {name: made}}]}\n"
	files := map[string]string{
		"x.yaml": release, "set.yaml": set, "v.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata: {a: b}\n",
	}
	tree, err := worktree.Scan(t.Context(), folder.Write(t, files), worktree.Options{Words: []string{"spegel"}})
	if err != nil {
		t.Fatal(err)
	}
	g := fluxgraph.New(t.Context(), tree, fluxgraph.Options{Given: substitute.NewGiven(nil, nil), Named: func(string) bool { return false }})
	for name, file := range map[string]string{"values": "v.yaml", "made": "set.yaml"} {
		o, missing := g.Find(g.Loose[0], "ConfigMap", "a", name)
		if o == nil || o.File != file {
			t.Fatalf("%s: got %v, %s; want it in %s", name, o, missing, file)
		}
		if again, _ := g.Find(g.Loose[0], "ConfigMap", "a", name); again != o {
			t.Errorf("%s: read twice", name)
		}
	}
}
