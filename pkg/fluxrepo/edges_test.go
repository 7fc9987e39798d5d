package fluxrepo_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// TestEdges checks small repositories by a part of what comes out.
func TestEdges(t *testing.T) {
	t.Parallel()
	const private = "https://harbor.example.com"
	const deny, built, notBuilt = "deny private-registry-mirrored", "built=true", "built=false"
	root := generatedKustomization("root", "flux-system", "./clusters/prod", "")
	apps := func(extra string) string { return generatedKustomization("apps", "flux-system", "./apps", extra) }
	with := func(more map[string]string) map[string]string {
		out := map[string]string{".git/HEAD": "x", "clusters/prod/root.yaml": root, "clusters/prod/apps.yaml": apps(""), "apps/hr.yaml": badRelease}
		maps.Copy(out, more)
		return out
	}
	variable := strings.ReplaceAll(badRelease, private, "https://${HARBOR}")
	from := func(sources string) string { return apps("  postBuild: {substituteFrom: [" + sources + "]}\n") }
	const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {HARBOR: harbor.example.com}\n"
	const remote = "resources: ['https://example.com/x.yaml']\n"
	instance := "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec: {sync: {path: clusters/prod}}\n"
	var copies strings.Builder
	for i := range 20 {
		fmt.Fprintf(&copies, "      - {op: copy, from: /spec, path: /spec/x%d}\n", i)
	}
	for name, c := range map[string]struct {
		files   map[string]string
		paths   []string
		vars    map[string]string
		stdin   string
		want    []string
		without string
	}{
		"not YAML on standard input":      {paths: []string{"-"}, stdin: "a: b: c\n", want: []string{"error fatal=true <stdin>"}},
		"HTML on standard input":          {paths: []string{"-"}, stdin: "<!DOCTYPE html><html></html>\n", want: []string{"error fatal=true <stdin>"}},
		"only comments on standard input": {paths: []string{"-"}, stdin: "# nothing\n", want: []string{"holds no Kubernetes object"}},
		"no objects on standard input":    {paths: []string{"-"}, stdin: "spegel: {}\n", want: []string{"error fatal=true <stdin>:0:0: holds no Kubernetes object"}},
		"a binary file":                   {files: map[string]string{"x.yaml": "\x7fELF\x00\x01\xff"}, paths: []string{"x.yaml"}, want: []string{"error fatal=true x.yaml"}},
		"UTF-16":                          {paths: []string{"-"}, stdin: utf16Text(badRelease), want: []string{deny}},
		"a list on standard input": {
			paths: []string{"-"}, want: []string{deny},
			stdin: "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: v}, data: {values.yaml: 'spegel: {mirroredRegistries: [https://harbor.example.com]}'}}\n" +
				"- {apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: spegel}, spec: {chart: {spec: {chart: spegel}}, valuesFrom: [{kind: ConfigMap, name: v}]}}\n",
		},
		"a file with another name": {files: map[string]string{"rendered": badRelease}, paths: []string{"rendered"}, want: []string{deny}},
		"a file with another name in a repository": {
			files: with(map[string]string{"x.txt": badRelease}), paths: []string{"x.txt"}, want: []string{"at x.txt:13:11"},
		},
		"beside a root": {
			files: map[string]string{".git/HEAD": "x", "clusters/prod/apps.yaml": apps(""), "apps/x.yaml": settings, "clusters/prod/hr.yaml": badRelease},
			want:  []string{notBuilt, deny}, without: built,
		},
		"a FluxInstance": {
			files: with(map[string]string{"flux.yaml": instance, "other/hr.yaml": strings.ReplaceAll(badRelease, "kube-system", "other")}),
			want:  []string{"release other/spegel chart=spegel version= built=false", "from flux.yaml#flux-system/flux-system\n  from clusters/prod/apps.yaml#flux-system/apps\n"},
		},
		"lines in a variable": {
			files: with(map[string]string{"apps/hr.yaml": variable, "clusters/prod/apps.yaml": apps("  postBuild: {substitute: {X: y}}\n")}),
			vars:  map[string]string{"HARBOR": "harbor.\nexample.com\n"}, want: []string{deny},
		},
		"a suspended parent": {
			files: with(map[string]string{"clusters/prod/root.yaml": generatedKustomization("root", "flux-system", "./clusters/prod", "  suspend: true\n")}),
			want:  []string{"suspended=false", deny},
		},
		"a later source that is missing": {
			files: with(map[string]string{
				"apps/hr.yaml": variable, "clusters/prod/settings.yaml": settings,
				"clusters/prod/apps.yaml": from("{kind: ConfigMap, name: settings}, {kind: Secret, name: gone}"),
			}),
			want: []string{"unresolved Secret flux-system/gone HARBOR: ${HARBOR} is perhaps given another value there: not in this repository"}, without: deny,
		},
		"an earlier source that is missing": {
			files: with(map[string]string{
				"apps/hr.yaml": variable, "clusters/prod/settings.yaml": settings,
				"clusters/prod/apps.yaml": from("{kind: Secret, name: gone}, {kind: ConfigMap, name: settings}"),
			}),
			want: []string{deny}, without: "unresolved",
		},
		"an error above PATH": {
			files: with(map[string]string{"apps/kustomization.yaml": "resources: [a/hr.yaml, gone.yaml]\n", "apps/a/hr.yaml": badRelease}),
			paths: []string{"apps/a"}, want: []string{"error fatal=true apps/kustomization.yaml"},
		},
		"a kustomization that is no map": {
			files: with(map[string]string{"apps/kustomization.yaml": "- hr.yaml\n"}), want: []string{"error fatal=true apps/kustomization.yaml:0:0: holds no kustomization"},
		},
		"an empty kustomization": {
			files: with(map[string]string{"apps/kustomization.yaml": ""}), want: []string{"error fatal=true apps/kustomization.yaml:0:0: holds no kustomization"},
		},
		"an empty kustomization elsewhere, to whose Kustomization a patch does not fit": {
			files: with(map[string]string{
				"clusters/prod/root.yaml":  generatedKustomization("root", "flux-system", "./clusters/prod", "  dependsOn: []\n"+`  patches: [{target: {kind: Kustomization}, patch: '[{"op": "add", "path": "/spec/dependsOn/-", "value": {"name": "x"}}]'}]`+"\n"),
				"clusters/prod/other.yaml": generatedKustomization("other", "flux-system", "./other", ""), "other/kustomization.yaml": "# nothing\n",
				"clusters/prod/apps.yaml": apps("  dependsOn: []\n"),
			}),
			want: []string{deny}, without: "fatal=true",
		},
		"a Kustomization that builds itself in another cluster": {
			files: with(map[string]string{"clusters/prod/root.yaml": generatedKustomization("root", "flux-system", "./clusters/prod", "  kubeConfig: {secretRef: {name: a}}\n")}),
			want:  []string{built, deny}, without: "error",
		},
		"resources that are no list": {
			files: with(map[string]string{"apps/kustomization.yaml": "resources: hr.yaml\n"}), want: []string{"error fatal=true apps/kustomization.yaml:1:12: resources is a text; want a list"},
		},
		"a prefix that is a list": {
			files: with(map[string]string{"apps/kustomization.yaml": "resources: [hr.yaml]\nnamePrefix: [x]\n"}), want: []string{"error fatal=true apps/kustomization.yaml:2:13: namePrefix is a list; want a text"},
		},
		"a Kustomization that can't be read": {
			files: with(map[string]string{"clusters/prod/apps.yaml": strings.Replace(apps(""), "./apps", "[a]", 1)}), want: []string{notBuilt, "error fatal=true clusters/prod/apps.yaml:9:3: Kustomization apps: spec.path is a list; want a text"},
		},
		"one that has nothing to do with Spegel": {
			files: with(map[string]string{"clusters/prod/other.yaml": strings.Replace(strings.Replace(apps(""), "./apps", "[a]", 1), "name: apps", "name: other", 1)}), want: []string{built, deny}, without: "error",
		},
		"a release of another shape": {
			files: with(map[string]string{"apps/hr.yaml": quickStart + "  valuesFrom: {kind: ConfigMap, name: v}\n"}),
			want:  []string{"error fatal=true apps/hr.yaml:10:3: HelmRelease spegel: spec.valuesFrom is a map; want a list"},
		},
		"a chart of another shape": {
			files: with(map[string]string{"apps/hr.yaml": strings.Replace(quickStart, "chart: spegel", "chart: {name: spegel}", 1)}),
			want:  []string{"error fatal=true apps/hr.yaml:9:7: HelmRelease spegel: spec.chart.spec.chart is a map; want a text"},
		},
		"Windows line ends after a byte-order mark": {
			files: with(map[string]string{"apps/hr.yaml": "\ufeff" + strings.ReplaceAll(badRelease, "\n", "\r\n"), "apps/kustomization.yaml": "\ufeffresources:\r\n- hr.yaml\r\n"}),
			want:  []string{built, deny, "at apps/hr.yaml:13:11"},
		},
		"a folder far above": {
			files: with(map[string]string{"k/archive/hr.yaml": badRelease}), paths: []string{"k"}, want: []string{notBuilt},
		},
		"the folder itself": {
			files: with(map[string]string{"k/archive/hr.yaml": badRelease}), paths: []string{"k/archive"}, want: []string{notBuilt, deny},
		},
		"values that a patch changes": {
			files: with(map[string]string{
				"apps/hr.yaml":            quickStart + "  valuesFrom: [{kind: ConfigMap, name: v}]\n",
				"apps/v.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: kube-system}\ndata:\n  values.yaml: |\n    spegel:\n      mirroredRegistries:\n        - https://docker.io\n",
				"apps/kustomization.yaml": "resources: [hr.yaml, v.yaml]\npatches:\n  - patch: |\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: v, namespace: kube-system}\n      data: {values.yaml: 'spegel: {mirroredRegistries: [https://harbor.example.com]}'}\n",
			}),
			want: []string{deny, "at apps/kustomization.yaml:7:58\n"},
		},
		"values that nothing builds": {
			files: with(map[string]string{
				"apps/hr.yaml":     quickStart + "  valuesFrom: [{kind: ConfigMap, name: v}]\n",
				"old/nowhere.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: kube-system}\ndata: {values.yaml: '{}'}\n",
			}),
			want: []string{"unresolved ConfigMap kube-system/v values.yaml: nothing builds it"}, without: "deny",
		},
		"values in a file that is no YAML": {
			files: map[string]string{"hr.yaml": quickStart + "  valuesFrom: [{kind: ConfigMap, name: v, optional: true}]\n", "v.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: kube-system}\ndata: [\n"},
			want:  []string{"unresolved ConfigMap kube-system/v values.yaml: perhaps in a file that can't be read"}, without: "deny",
		},
		"beside others of another namespace": {
			files: map[string]string{
				"hr.yaml": quickStart + "  valuesFrom: [{kind: ConfigMap, name: v}]\n", "v.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: kube-system}\ndata: [\n",
				"w.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v}\ndata: {values.yaml: 'spegel: {}'}\n",
			},
			want: []string{"unresolved ConfigMap kube-system/v values.yaml: perhaps in a file that can't be read"}, without: "deny",
		},
		"values that are taken from what has no name": {
			files: with(map[string]string{"apps/hr.yaml": quickStart + "  valuesFrom: [{kind: ConfigMap}]\n"}), want: []string{"unresolved ConfigMap kube-system/ values.yaml"},
		},
		"a variable for suspend": {
			files: with(map[string]string{"apps/hr.yaml": badRelease + "  suspend: ${X}\n", "clusters/prod/apps.yaml": apps("  postBuild: {substitute: {Y: y}}\n")}),
			want:  []string{"suspended=false", deny, "error fatal=false apps/hr.yaml:14:12: Kustomization apps: nothing sets ${X}"},
		},
		"a variable for optional": {
			files: with(map[string]string{
				"apps/hr.yaml": quickStart + "  valuesFrom: [{kind: ConfigMap, name: v, optional: \"${X}\"}]\n", "clusters/prod/apps.yaml": apps("  postBuild: {substitute: {Y: y}}\n"),
			}),
			want: []string{"unresolved ConfigMap kube-system/v", "error fatal=false apps/hr.yaml:10:53: Kustomization apps: nothing sets ${X}"},
		},
		"a patch for what may lie in a remote base, beside one for a release": {
			files: with(map[string]string{
				"apps/kustomization.yaml": "resources: [hr.yaml, \"https://example.com/x.yaml\"]\npatchesStrategicMerge: [p.yaml]\n",
				"apps/p.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gone}\n---\n" +
					strings.Replace(quickStart, "spec:", "spec:\n  values: {spegel: {mirroredRegistries: [https://harbor.example.com]}}", 1),
				"apps/hr.yaml": quickStart,
			}),
			want: []string{built, deny, "at apps/p.yaml:11:42", "error fatal=false apps/kustomization.yaml:1:22: resources: https://example.com/x.yaml is not in this repository"},
		},
		"a patch that no release of the build fits": {
			files: with(map[string]string{
				"apps/kustomization.yaml": "resources: [hr.yaml, \"https://example.com/x.yaml\"]\npatches: [{patch: '{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: spegel}, spec: {suspend: true}}'}]\n",
			}),
			want: []string{built, "suspended=false", deny, "resources: https://example.com/x.yaml is not in this repository"},
		},
		"a remote base and no release": {
			files: with(map[string]string{"apps/hr.yaml": settings, "apps/kustomization.yaml": remote}), without: "error",
		},
		"a remote base that is called Spegel": {
			files: with(map[string]string{"apps/hr.yaml": settings, "apps/kustomization.yaml": strings.ReplaceAll(remote, "x.yaml", "spegel.yaml")}),
			want:  []string{"error fatal=false apps/kustomization.yaml:1:13: resources: https://example.com/spegel.yaml is not in this repository"},
		},
		"a ResourceSet and no release": {
			files:   with(map[string]string{"apps/hr.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: set}\nspec: {inputsFrom: [{name: x}], resources: []}\n"}),
			without: "error",
		},
		"a ResourceSet that names Spegel": {
			files: with(map[string]string{"apps/hr.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: spegel}\nspec: {inputsFrom: [{name: x}], resources: []}\n"}),
			want:  []string{"error fatal=false apps/hr.yaml:1:1: ResourceSet spegel can't be followed"},
		},
		"copies of copies": {
			files: with(map[string]string{"clusters/prod/apps.yaml": apps("  patches:\n  - target: {kind: HelmRelease}\n    patch: |\n" + copies.String())}),
			want:  []string{"error fatal=true clusters/prod/apps.yaml:16:5: Kustomization apps can't be built: spec.patches[0]: Unable to complete the copy"},
		},
		"overlays without Flux": {
			files: map[string]string{
				"base/hr.yaml": strings.ReplaceAll(badRelease, private, "https://docker.io"), "base/kustomization.yaml": "resources: [hr.yaml]\n",
				"prod/kustomization.yaml": "resources: [../base]\npatches:\n  - target: {kind: HelmRelease}\n    patch: |\n      - op: add\n        path: /spec/values/spegel/mirroredRegistries/-\n        value: https://harbor.example.com\n",
			},
			want: []string{deny, "at prod/kustomization.yaml"},
		},
		"a secret in an error": {
			files: with(map[string]string{"clusters/prod/apps.yaml": apps("  patches:\n  - patch: |\n      kind: Secret\n      stringData: {pw: hunter2hunter2}\n")}),
			want:  []string{"Kustomization apps can't be built"}, without: "hunter2",
		},
		"a secret in a literal": {
			files: with(map[string]string{"apps/kustomization.yaml": "resources: [hr.yaml]\nsecretGenerator: [{name: v, literals: [hunter2hunter2]}]\n"}),
			want:  []string{"Kustomization apps can't be built"}, without: "hunter2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range c.files {
				writeFile(t, filepath.Join(dir, file), text)
			}
			o := fluxrepo.Options{Vars: c.vars, Stdin: strings.NewReader(c.stdin), Paths: []string{dir}}
			if c.paths != nil {
				o.Paths = nil
			}
			for _, p := range c.paths {
				if p != "-" {
					p = filepath.Join(dir, p)
				}
				o.Paths = append(o.Paths, p)
			}
			got := render(dir, check(t, o, "harbor.example.com"))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("want %q:\n%s", want, got)
				}
			}
			if c.without != "" && strings.Contains(got, c.without) {
				t.Errorf("has %q:\n%s", c.without, got)
			}
		})
	}
}

func utf16Text(s string) string {
	out := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// TestSymbolicLink checks a path that leads elsewhere.
func TestSymbolicLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, ".git/HEAD"), "x")
	writeFile(t, filepath.Join(dir, "flux/ks.yaml"), generatedKustomization("apps", "flux-system", "./apps", ""))
	writeFile(t, filepath.Join(dir, "apps/hr.yaml"), badRelease)
	if err := os.Symlink("apps", filepath.Join(dir, "current")); err != nil {
		t.Skip(err)
	}
	for _, paths := range [][]string{{"current"}, {"flux", "current"}, {"./flux/../apps"}} {
		o := fluxrepo.Options{}
		for _, p := range paths {
			o.Paths = append(o.Paths, dir+"/"+p)
		}
		if got := render(dir, check(t, o, "harbor.example.com")); !strings.Contains(got, "at apps/hr.yaml:13:11") {
			t.Errorf("%v:\n%s", paths, got)
		}
	}
}
