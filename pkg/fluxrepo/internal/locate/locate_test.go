package locate_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/locate"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

// build writes a repository and builds it. It returns the release of Spegel in it.
func build(t *testing.T, repository, vars map[string]string) (*fluxgraph.Graph, *fluxgraph.Object) {
	t.Helper()
	tree, err := worktree.Scan(t.Context(), folder.Write(t, repository), worktree.Options{Words: []string{"spegel"}})
	if err != nil {
		t.Fatal(err)
	}
	g := fluxgraph.New(t.Context(), tree, fluxgraph.Options{Given: substitute.NewGiven(vars, nil), Named: func(string) bool { return false }})
	for _, n := range g.Instances {
		for _, o := range n.Objects {
			if o.Kind == "HelmRelease" && o.Name == "spegel" {
				return g, o
			}
		}
	}
	for _, o := range g.Loose {
		return g, o
	}
	t.Fatal("no release")
	return nil, nil
}

const (
	head    = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spegel, namespace: kube-system}\nspec:\n  chart: {spec: {chart: spegel}}\n"
	release = head + "  values:\n    spegel:\n      mirroredRegistries:\n        - https://docker.io\n        - https://harbor.example.com\n" // line 10
	patch   = `'[{"op": "add", "path": "/spec/values/spegel/mirroredRegistries/1", "value": "https://x.example.com"}]'`
)

func flux(extra string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n" +
		"spec:\n  path: ./apps\n  sourceRef: {kind: GitRepository, name: flux-system}\n" + extra
}

// TestFind looks for an entry of the list of mirrors, the second of the release where nothing else is said.
func TestFind(t *testing.T) {
	t.Parallel()
	entry := []any{"spec", "values", "spegel", "mirroredRegistries", 1}
	variable := strings.Replace(release, "harbor.example.com", "${HOST}", 1)
	for name, c := range map[string]struct {
		files map[string]string // beside the Kustomization ks.yaml and the release apps/hr.yaml
		path  []any
		want  string
		vars  map[string]string
	}{
		"in the release itself": {want: "apps/hr.yaml:10:11"},
		"not where the same text stands without a say": {
			files: map[string]string{"apps/a.yaml": "# https://harbor.example.com\napiVersion: v1\nkind: Service\nmetadata: {name: harbor.example.com}\n", "apps/hr.yaml": "# https://harbor.example.com\n" + release},
			want:  "apps/hr.yaml:11:11",
		},
		"in a list where it stands twice, the one that is asked for": {
			files: map[string]string{"apps/hr.yaml": strings.Replace(release, "docker.io", "harbor.example.com", 1)}, want: "apps/hr.yaml:10:11",
		},
		"a key": {path: []any{"spec", "values", "spegel", "mirroredRegistries"}, want: "apps/hr.yaml:8:7"},
		"the nearest key above what is not set": {
			path: []any{"spec", "values", "spegel", "registries"}, want: "apps/hr.yaml:7:5",
		},
		"an entry past the end, which is not set": {
			path: []any{"spec", "values", "spegel", "mirroredRegistries", 2}, want: "apps/hr.yaml:8:7",
		},
		"a scalar that is no text": {
			files: map[string]string{"apps/hr.yaml": strings.Replace(release, "https://harbor.example.com", "true", 1)}, want: "apps/hr.yaml:8:7 (about)",
		},
		"with its quotes": {
			files: map[string]string{"apps/hr.yaml": strings.Replace(release, "https://harbor.example.com", `"https://harbor.example.com"`, 1)}, want: "apps/hr.yaml:10:11",
		},
		"written with escapes": {
			files: map[string]string{"apps/hr.yaml": strings.Replace(release, "https://harbor.example.com", `"https://harb\u006fr.example.com"`, 1)}, want: "apps/hr.yaml:8:7 (about)",
		},
		"in the last of two patches": {
			files: map[string]string{"apps/kustomization.yaml": "resources: [hr.yaml]\npatches:\n- {target: {kind: HelmRelease}, patch: " + patch + "}\n- {target: {kind: HelmRelease}, patch: " + patch + "}\n"},
			want:  "apps/kustomization.yaml:4:117",
		},
		"in a patch of the Kustomization of Flux": {
			files: map[string]string{"ks.yaml": flux("  patches:\n  - {target: {kind: HelmRelease}, patch: " + patch + "}\n")}, want: "ks.yaml:8:119",
		},
		"behind an alias": {
			files: map[string]string{"apps/hr.yaml": strings.Replace(strings.Replace(release, "https://docker.io", "&h https://harbor.example.com", 1), "- https://harbor.example.com", "- *h", 1)},
			want:  "apps/hr.yaml:9:14",
		},
		"in the value of a variable": {
			files: map[string]string{"apps/hr.yaml": variable, "ks.yaml": flux("  postBuild: {substitute: {HOST: harbor.example.com}}\n")}, want: "ks.yaml:7:34",
		},
		"in a ConfigMap of variables": {
			files: map[string]string{
				"apps/hr.yaml": variable, "ks.yaml": flux("  postBuild: {substituteFrom: [{kind: ConfigMap, name: settings}]}\n"),
				"settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {HOST: harbor.example.com}\n",
			},
			want: "settings.yaml:4:14",
		},
		"at the variable whose value is handed over": {
			files: map[string]string{"apps/hr.yaml": variable, "ks.yaml": flux("  postBuild: {substitute: {X: y}}\n")}, vars: map[string]string{"HOST": "harbor.example.com"},
			want: "apps/hr.yaml:10:11",
		},
		"in the template of a ResourceSet": {
			files: map[string]string{"apps/hr.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: set, namespace: kube-system}\nspec:\n  inputs: [{host: harbor.example.com}]\n" +
				"  resourcesTemplate: |\n    " + strings.ReplaceAll(strings.Replace(release, "harbor.example.com", "<< inputs.host >>", 1), "\n", "\n    ") + "\n"},
			want: "apps/hr.yaml:5:19",
		},
		"in a file that nothing builds": {
			files: map[string]string{"ks.yaml": "", "apps/hr.yaml": "a: 1\n---\n" + release}, want: "apps/hr.yaml:12:11",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"ks.yaml": flux(""), "apps/hr.yaml": release}
			maps.Copy(files, c.files)
			g, o := build(t, files, c.vars)
			if c.path == nil {
				c.path = entry
			}
			if got := find(g, locate.Target{Release: o, Holder: o, Path: c.path}); got != c.want {
				t.Errorf("got %s; want %s\n%s", got, c.want, o.Text)
			}
		})
	}
}

func find(g *fluxgraph.Graph, target locate.Target) string {
	p := locate.New(g).Find(target)
	about := ""
	if p.Approximate {
		about = " (about)"
	}
	return fmt.Sprintf("%s:%d:%d%s", p.File, p.Line, p.Column, about)
}

// TestFindInAReference looks for a value in a ConfigMap that a release takes its values from.
func TestFindInAReference(t *testing.T) {
	t.Parallel()
	const values = "spegel:\n  mirroredRegistries:\n  - https://harbor.example.com\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"as it stands": {map[string]string{"apps/v.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: kube-system}\ndata:\n  values.yaml: |\n    spegel:\n      mirroredRegistries:\n      - https://harbor.example.com\n"}, "apps/v.yaml:8:9"},
		"in a file of a generator, though its name changes with it": {
			map[string]string{
				"apps/values.yaml":        values,
				"apps/kustomization.yaml": "resources: [hr.yaml]\nnamespace: kube-system\nconfigMapGenerator: [{name: v, files: [values.yaml]}]\nconfigurations: [c.yaml]\n",
				"apps/c.yaml":             "nameReference: [{kind: ConfigMap, fieldSpecs: [{path: spec/valuesFrom/name, kind: HelmRelease}]}]\n",
			}, "apps/values.yaml:3:5",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.files["ks.yaml"], c.files["apps/hr.yaml"] = flux(""), head+"  valuesFrom: [{kind: ConfigMap, name: v}]\n"
			g, o := build(t, c.files, nil)
			var holder *fluxgraph.Object
			for _, n := range g.Instances {
				for _, o := range n.Objects {
					if o.Kind == "ConfigMap" {
						holder = o
					}
				}
			}
			if got := find(g, locate.Target{Release: o, Holder: holder, Key: "values.yaml", Path: []any{"spegel", "mirroredRegistries", 0}}); got != c.want {
				t.Errorf("got %s; want %s", got, c.want)
			}
		})
	}
}

// TestWorkIsBounded: in a build of 1 MiB, trials find the entries of some releases. Then enough was built, and the others
// get the places that their document has.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	const releases, size = 12, 1 << 20
	var list strings.Builder
	for i := range releases {
		list.WriteString("---\n" + strings.Replace(release, "name: spegel", fmt.Sprintf("name: spegel-%d", i), 1))
	}
	g, _ := build(t, map[string]string{
		"ks.yaml": flux(""), "apps/hr.yaml": list.String() + "---\n" + release, "apps/large.txt": strings.Repeat("x", size),
		"apps/kustomization.yaml": "resources: [hr.yaml]\nconfigMapGenerator: [{name: large, files: [large.txt]}]\n",
	}, nil)
	before, f := g.Work(), locate.New(g)
	found := map[bool]int{}
	for _, o := range g.Instances[0].Objects {
		if o.Kind == "HelmRelease" {
			p := f.Find(locate.Target{Release: o, Holder: o, Path: []any{"spec", "values", "spegel", "mirroredRegistries", 1}})
			found[!p.Approximate]++
		}
	}
	if builds := (g.Work() - before) / size; found[true] < 4 || found[false] < 1 || builds > 10 {
		t.Errorf("%d places by trial and %d without, in %d builds; want at least 4 and 1, in at most 10", found[true], found[false], builds)
	}
}

// TestTrialsAreBounded: of ten thousand occurrences of a text, 64 are tried; those behind the release first.
func TestTrialsAreBounded(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 500
	}
	others := strings.Repeat("# https://harbor.example.com\n", n)
	path := []any{"spec", "values", "spegel", "mirroredRegistries", 1}
	for name, c := range map[string]struct{ text, want string }{
		"all before the release":        {others + release, fmt.Sprintf("apps/hr.yaml:%d:11", n+10)},
		"all behind the release":        {release + others, "apps/hr.yaml:10:11"},
		"between the release and entry": {strings.Replace(release, "  values:", others+"  values:", 1), fmt.Sprintf("apps/hr.yaml:%d:7 (about)", n+8)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, o := build(t, map[string]string{"ks.yaml": flux(""), "apps/hr.yaml": c.text}, nil)
			if got := find(g, locate.Target{Release: o, Holder: o, Path: path}); got != c.want {
				t.Errorf("got %s; want %s", got, c.want)
			}
		})
	}
}
