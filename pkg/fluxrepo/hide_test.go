package fluxrepo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// TestSecretsAreNotShown: what a variable took out of a Secret, or was handed over, shows in no finding;
// what comes from elsewhere does.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const (
		canary = "hunter2"
		build  = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: flux-system}
spec:
  interval: 1h
  prune: true
  path: ./app
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild: {substitute: {OPEN: docker.io/x}, substituteFrom: [{kind: Secret, name: vars}]}
---
apiVersion: v1
kind: Secret
metadata: {name: vars, namespace: flux-system}
stringData: {REGISTRY: "https://harbor.example.com/hunter2"}
`
		release = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: kube-system}
spec:
  interval: 1h
  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}
  values: {spegel: {mirroredRegistries: ["${REGISTRY}", "${REGISTRY^^}", "https://${GIVEN}", "https://${OPEN}"]}}
`
	)
	dir := t.TempDir()
	for name, text := range map[string]string{"ks.yaml": build, "app/release.yaml": release} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	private, err := validate.ParseRegistry("harbor.example.com")
	if err != nil {
		t.Fatal(err)
	}
	res, err := fluxrepo.Check(t.Context(), fluxrepo.Options{
		Paths: []string{dir}, Charts: []string{"spegel"}, Vars: map[string]string{"GIVEN": "ghcr.io/" + canary},
		Policy: validate.Policy{PrivateRegistries: []validate.Registry{private}},
	})
	if err != nil || len(res.Releases) != 1 {
		t.Fatalf("%d releases, error %v; want one release", len(res.Releases), err)
	}
	shown := 0
	for _, f := range res.Releases[0].Findings {
		if strings.Contains(strings.ToLower(f.Field()+f.Text()+f.Fix), canary) {
			t.Errorf("a secret is shown: %s: %s; %s", f.Field(), f.Text(), f.Fix)
		}
		if f.Value != "" {
			shown++
		}
	}
	if n := len(res.Releases[0].Findings); n < 5 || shown != 1 {
		t.Errorf("%d findings, %d with a value; want at least 5, and only the one from substitute with a value: %+v", n, shown, res.Releases[0].Findings)
	}
}

// TestNamesOutOfSecretsAreNotShown: where a Secret's value is a part of a name, the name is shown as its
// file has it; an operation on a Secret that fails does not show where it led.
func TestNamesOutOfSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: vars, namespace: flux-system}\nstringData: {CH: hunter2, V: 1.2.3-hunter2}\n"
	const variables = "  postBuild: {substituteFrom: [{kind: Secret, name: vars}]}\n"
	const child = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: 'app-${CH}', namespace: flux-system}\nspec:\n  path: %\n" +
		"  sourceRef: {kind: GitRepository, name: flux-system}\n"
	const release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: 'spegel-${CH}', namespace: 'ns-${CH}'}\n" +
		"spec:\n  chart: {spec: {chart: spegel, version: '${V}'}}\n  valuesFrom: [{kind: ConfigMap, name: 'gone-${CH}'}, {kind: ConfigMap, name: 'v-${CH}'}]\n"
	const values = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'v-${CH}', namespace: 'ns-${CH}'}\ndata: {values.yaml: 'spegel: {registries: [\"*\"]}'}\n"
	operation := func(json string) map[string]string {
		return map[string]string{
			"app/release.yaml": badRelease, "app/secret.yaml": secret,
			"app/kustomization.yaml": "resources: [release.yaml, secret.yaml]\npatches: [{target: {kind: Secret}, patch: '[{" + json + "}]'}]\n",
		}
	}
	const set = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: set, namespace: x}\nspec:\n  inputs: [{x: '${CH}', chart: spegel}]\n"
	copied := func(secret, field string) map[string]string {
		return map[string]string{
			"app/release.yaml": badRelease, "app/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: " + secret + "\n",
			"app/kustomization.yaml": "resources: [release.yaml, secret.yaml]\nreplacements:\n- source: {kind: Secret, fieldPath: " + field + "}\n" +
				"  targets: [{select: {kind: HelmRelease}, fieldPaths: [spec.values.spegel.mirroredRegistries.0]}]\n",
		}
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"a release": {
			map[string]string{"app/release.yaml": release, "app/values.yaml": values},
			[]string{"release ns-${CH}/spegel-${CH} chart=spegel version=${V}", "ConfigMap ns-${CH}/gone-${CH}", "valuesFrom ConfigMap ns-${CH}/v-${CH} key values.yaml"},
		},
		"a chain": {
			map[string]string{"app/child.yaml": strings.Replace(child, "%", "./below", 1) + "  postBuild: {substituteFrom: [{kind: ConfigMap, name: 'gone-${CH}'}]}\n", "below/release.yaml": badRelease + "    a: ${MISSING}\n"},
			[]string{"app/child.yaml#flux-system/app-${CH}"},
		},
		"a path": {
			map[string]string{"app/release.yaml": badRelease, "app/child.yaml": strings.Replace(child, "%", "./gone-${CH}", 1)},
			[]string{"app/child.yaml:5:3: Kustomization app-${CH}: its path ./gone-${CH} is not in this repository"},
		},
		"a path with an unknown part": {
			map[string]string{"app/release.yaml": badRelease, "app/child.yaml": strings.Replace(child, "%", "./gone-${CH}/${MISSING}", 1)},
			[]string{"its path ./gone-${CH}/ is not in this repository"},
		},
		"a source": {
			map[string]string{"app/release.yaml": badRelease, "app/child.yaml": strings.ReplaceAll(strings.Replace(child, "%", "./gone-${CH}", 1), "GitRepository, name: flux-system", "OCIRepository, name: 's-${CH}'")},
			[]string{"built from OCIRepository s-${CH}, whose files are not known"},
		},
		"a build that fails": {
			map[string]string{"app/child.yaml": strings.Replace(child, "%", "./below", 1), "below/kustomization.yaml": "resources: [release.yaml]\npatches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}'}]\n", "below/release.yaml": badRelease},
			[]string{"Kustomization app-${CH} can't be built"},
		},
		"a component": {
			map[string]string{"below/release.yaml": badRelease, "app/child.yaml": strings.Replace(child, "%", "./below", 1) + "  components: ['../${CH}']\n"},
			[]string{"Kustomization app-${CH} can't be built: accumulating components: loader.New \"must build at directory: not a valid directory: open ${CH}: file does not exist"},
		},
		"a template that fails with it": {
			map[string]string{"app/set.yaml": set + "  resourcesTemplate: '<< fail inputs.x >>'\n"}, []string{"error calling fail: ${CH}"},
		},
		"a release that a template makes": {
			map[string]string{"app/set.yaml": set + "  resourcesTemplate: |\n    " + strings.ReplaceAll(strings.ReplaceAll(release, "${CH}", "<< inputs.x >>"), "\n", "\n    ") + "\n"},
			[]string{"release ns-${CH}/spegel-${CH} chart=spegel"},
		},
		"an entry that is copied out of a Secret": {
			copied("{name: spegel-private, namespace: x}\nstringData: {entry: 'https://swordfish.example.com/'}", "stringData.entry"),
			[]string{"invalid-mirror-url spec.values.spegel.mirroredRegistries[0] at "},
		},
		"a name that a variable of kustomize copies": {
			map[string]string{
				"app/release.yaml": strings.Replace(badRelease, "releaseName", "x", 1) + "    a: $(S)\n", "app/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x}\nstringData: {entry: swordfish}\n",
				"app/kustomization.yaml": "resources: [release.yaml, secret.yaml]\nvars: [{name: S, objref: {apiVersion: v1, kind: Secret, name: s}, fieldref: {fieldpath: stringData.entry}}]\n" +
					"configurations: [c.yaml]\nnameSuffix: -$(S)\n",
				"app/c.yaml": "varReference: [{path: metadata/name, kind: HelmRelease}]\n",
			},
			[]string{"release kube-system/spegel-... chart=spegel"},
		},
		"a namespace that a Kustomization of Flux sets": {
			map[string]string{"below/release.yaml": badRelease, "app/child.yaml": strings.Replace(child, "%", "./below", 1) + "  targetNamespace: 'ns-${CH}'\n"},
			[]string{"release ns-${CH}/spegel chart=spegel"},
		},
		"an encoded entry that is copied out of a Secret": {
			copied("{name: spegel-private, namespace: x}\ndata: {entry: aHVudGVyMmh1bnRlcjI=}", "data.entry"),
			[]string{"invalid-mirror-url spec.values.spegel.mirroredRegistries[0] at "},
		},
		"a test of a Secret": {
			operation(`"op": "test", "path": "/stringData/hunter2", "value": "x"`), []string{"can't be built: testing value /stringData/..."},
		},
		"an operation on a Secret": {
			operation(`"op": "remove", "path": "/data/hunter2/x"`), []string{"can't be built: remove operation does not apply: doc is missing path: /data/..."},
		},
		"a patch that gives a Secret another type": {
			map[string]string{
				"app/release.yaml": badRelease, "app/secret.yaml": secret,
				"app/kustomization.yaml": "resources: [release.yaml, secret.yaml]\n" +
					"patches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: vars, namespace: flux-system}, stringData: [hunter2]}'}]\n",
			},
			[]string{"wrong node kind: expected MappingNode but got SequenceNode: ..."},
		},
		"a dotenv file that is no text": {
			map[string]string{
				"app/release.yaml": badRelease, "app/vars.env": "A=\xffhunter2\n",
				"app/kustomization.yaml": "resources: [release.yaml]\nsecretGenerator: [{name: x, envs: [vars.env]}]\n",
			},
			[]string{"env source files: [vars.env]: ..."},
		},
		"the removal of a key that a Secret lacks": {
			operation(`"op": "remove", "path": "/stringData/hunter2"`), []string{"can't be built: error in remove for path: /stringData/..."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "clusters/root.yaml"), generatedKustomization("root", "flux-system", "./app", variables))
			writeFile(t, filepath.Join(root, "clusters/secret.yaml"), secret)
			writeFile(t, filepath.Join(root, "below/x.yaml"), "# nothing\n")
			for name, text := range c.files {
				writeFile(t, filepath.Join(root, name), text)
			}
			res := check(t, fluxrepo.Options{Paths: []string{root}})
			for i := range res.Errors {
				res.Errors[i].Elsewhere = false // -v shows these too
			}
			out := render(root, res)
			if strings.Contains(out, "hunter2") || strings.Contains(out, "swordfish") || strings.Contains(out, "aHVudGVyM") {
				t.Errorf("a secret is shown:\n%s", out)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("want %q in\n%s", want, out)
				}
			}
		})
	}
}

// TestChartNameIsNoSecret: a chart name of the policy is shown, also where it is a variable's value.
func TestChartNameIsNoSecret(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "clusters/root.yaml"), generatedKustomization("root", "flux-system", "./app", "  postBuild: {substituteFrom: [{kind: Secret, name: vars}]}\n"))
	release := strings.Replace(badRelease, "chart: spegel", "chart: '${CHART}'", 1)
	writeFile(t, filepath.Join(root, "app/release.yaml"), release)
	for name, o := range map[string]fluxrepo.Options{
		"a variable": {Vars: map[string]string{"CHART": "spegel"}},
		"a Secret":   {Sources: []fluxrepo.Source{{Kind: "Secret", Name: "vars", Data: map[string]string{"CHART": "spegel"}}}},
	} {
		o.Paths = []string{root}
		if out := render(root, check(t, o)); !strings.Contains(out, "release kube-system/spegel chart=spegel ") {
			t.Errorf("%s: want the chart's name in\n%s", name, out)
		}
	}
}

// TestNamesWithoutAValueAreShownAsWritten: what stands for a variable inside of a check is no name.
func TestNamesWithoutAValueAreShownAsWritten(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "clusters/root.yaml"), generatedKustomization("root", "flux-system", "./app", "  postBuild: {substituteFrom: [{kind: Secret, name: gone}]}\n"))
	writeFile(t, filepath.Join(root, "app/release.yaml"), strings.Replace(badRelease, "name: spegel", "name: spegel-${CLUSTER}", 1))
	out := render(root, check(t, fluxrepo.Options{Paths: []string{root}}))
	if !strings.Contains(out, "release kube-system/spegel-${CLUSTER} ") || strings.Contains(out, "unknown-variable") {
		t.Error(out)
	}
}
