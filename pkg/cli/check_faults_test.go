package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

const (
	faultySource  = "  sourceRef: {kind: GitRepository, name: flux-system}\n"
	faultyRelease = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: NAME, namespace: apps}\n" +
		"spec:\n  chart: {spec: {chart: NAME, sourceRef: {kind: HelmRepository, name: NAME}}}\n  values: {NAME: {mirrored: true}}\n"
	faultySet = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: NAME, namespace: flux-system}\nspec:\n  inputs: [{a: b}]\n  resourcesTemplate: |\n" +
		"    apiVersion: helm.toolkit.fluxcd.io/v2\n    kind: HelmRelease\n    metadata: {name: NAME-<< inputs.gone >>}\n"
	faultyDaemonSet = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: NAME, namespace: apps, annotations: {a: beside spegel}}\nspec: {template: {spec: {containers: [{args: {}, name: NAME}]}}}\n"
)

// faultyKustomization is a Kustomization of Flux that builds the folder app.
func faultyKustomization(spec string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: NAME, namespace: flux-system}\nspec:\n" + spec
}

// TestFaultsCountWhereSpegelIsConcerned has each kind of fault in a repository whose release of Spegel is good: where it has
// nothing to do with Spegel, it is one line that -v makes a list, and the exit code is as if it were not there; where it has,
// it is said.
func TestFaultsCountWhereSpegelIsConcerned(t *testing.T) {
	t.Parallel()
	built := faultyKustomization("  path: ./app\n" + faultySource)
	for name, c := range map[string]struct {
		files map[string]string // NAME is that of a chart: Spegel's, or another
		says  string            // with its place
		fatal bool              // where Spegel is concerned
	}{
		"a file that is not YAML": {
			map[string]string{"flux/app.yaml": built, "app/hr.yaml": faultyRelease + "a: b: c\n"}, "app/hr.yaml:7:1: is not YAML", true,
		},
		"a key that stands there twice": {
			map[string]string{"flux/app.yaml": built, "app/hr.yaml": faultyRelease + "spec: {}\n"}, `app/hr.yaml:7:1: has the key "spec" twice`, true,
		},
		"a build that fails": {
			map[string]string{
				"flux/app.yaml": built, "app/hr.yaml": faultyRelease,
				"app/kustomization.yaml": "resources: [hr.yaml]\npatches: [{target: {kind: HelmRelease}, patch: '[{op: remove, path: /spec/none}]'}]\n",
			}, "flux/app.yaml:5:3: Kustomization NAME can't be built: ", true,
		},
		"a path that is missing": {
			map[string]string{"flux/app.yaml": faultyKustomization("  path: ./gone\n" + faultySource), "old/hr.yaml": faultyRelease},
			"flux/app.yaml:5:3: Kustomization NAME: its path ./gone is not in this repository", true,
		},
		"a resource that is missing": {
			map[string]string{"flux/app.yaml": built, "app/hr.yaml": faultyRelease, "app/kustomization.yaml": "resources: [hr.yaml, gone.yaml]\n"},
			"app/kustomization.yaml:1:22: resources: gone.yaml ", true,
		},
		"a component that is missing": {
			map[string]string{"flux/app.yaml": built, "app/hr.yaml": faultyRelease, "app/kustomization.yaml": "resources: [hr.yaml]\ncomponents: [../gone]\n"},
			"app/kustomization.yaml:2:14: components: ../gone ", true,
		},
		"a component of the Kustomization that is missing": {
			map[string]string{"flux/app.yaml": faultyKustomization("  path: ./app\n  components: [../gone]\n" + faultySource), "app/hr.yaml": faultyRelease},
			"flux/app.yaml:5:3: Kustomization NAME can't be built: ", true,
		},
		"a resource that lies elsewhere": {
			map[string]string{"flux/app.yaml": built, "app/hr.yaml": faultyRelease, "app/kustomization.yaml": "resources: [hr.yaml, 'https://example.com/x.yaml']\n"},
			"app/kustomization.yaml:1:22: resources: https://example.com/x.yaml ", false,
		},
		"a source that is another repository": {
			map[string]string{
				".git/config": "[remote \"origin\"]\n\turl = https://github.com/o/r\n", "flux/app.yaml": faultyKustomization("  path: ./app\n  sourceRef: {kind: GitRepository, name: other}\n"),
				"flux/other.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: other, namespace: flux-system}\nspec: {url: 'https://github.com/o/other'}\n",
			}, "flux/app.yaml:5:3: Kustomization NAME: built from GitRepository other, which is not this repository", false,
		},
		"a field of a Kustomization of another type": {
			map[string]string{"flux/app.yaml": faultyKustomization("  path: ./app\n  postBuild: {substitute: {PORT: 80}}\n" + faultySource), "app/hr.yaml": faultyRelease},
			"flux/app.yaml:6:28: Kustomization NAME: spec.postBuild.substitute.PORT is a number; want a text", true,
		},
		"a field of a HelmRelease of another type": {
			map[string]string{"flux/app.yaml": built, "app/hr.yaml": faultyRelease + "  valuesFrom: {kind: ConfigMap}\n"},
			"app/hr.yaml:7:3: HelmRelease NAME: spec.valuesFrom is a map; want a list", true,
		},
		"a field of a DaemonSet of another type": {
			map[string]string{"flux/app.yaml": built, "app/ds.yaml": faultyDaemonSet},
			"app/ds.yaml:4:40: DaemonSet NAME: spec.template.spec.containers[0].args is a map; want a list", true,
		},
		"a variable that can't be put in": {
			map[string]string{"flux/app.yaml": faultyKustomization("  path: ./app\n  postBuild: {substitute: {A: b}}\n" + faultySource), "app/hr.yaml": faultyRelease + "  releaseName: '${A'\n"},
			"app/hr.yaml:7:16: HelmRelease NAME: variables can't be put in: ${A: ", true,
		},
		"a variable that nothing sets": {
			map[string]string{"flux/app.yaml": faultyKustomization("  path: ./app\n  postBuild: {substitute: {A: b}}\n" + faultySource), "app/hr.yaml": faultyRelease + "  releaseName: 'x${B}'\n"},
			": Kustomization NAME: nothing sets ${B}", false,
		},
		"a template of a ResourceSet that fails": {
			map[string]string{"flux/app.yaml": built, "app/set.yaml": faultySet},
			"app/set.yaml:1:1: ResourceSet NAME can't be followed, so what it builds is not checked: a template fails: resourcesTemplate:3:", false,
		},
		"a template of a ResourceSet that fails and that nothing builds": {
			map[string]string{"app/set.yaml": faultySet},
			"app/set.yaml:1:1: ResourceSet NAME can't be followed, so what it builds is not checked: a template fails: resourcesTemplate:3:", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, spegels := range []bool{false, true} {
				chart := "podinfo"
				if spegels {
					chart = "spegel"
				}
				files := map[string]string{
					"flux/good.yaml": faultyKustomization("  path: ./good\n" + faultySource), "good/hr.yaml": strings.ReplaceAll(faultyRelease, "mirrored: true", "mirroredRegistries: ['https://docker.io']"),
				}
				for name := range files {
					files[name] = strings.ReplaceAll(files[name], "NAME", "spegel")
				}
				for name, text := range c.files {
					files[name] = strings.ReplaceAll(text, "NAME", chart)
				}
				dir := folder.Write(t, files)
				says := strings.ReplaceAll(c.says, "NAME", chart)
				run := func(flags ...string) (string, int) {
					var out, errs bytes.Buffer
					code := cli.Run(t.Context(), append([]string{"check", "--private-registry", "harbor.example.com", "--unresolved", "warn", dir}, flags...), nil, &out, &errs)
					return out.String() + errs.String(), code
				}
				text, code := run("--all")
				if spegels {
					if (code == cli.ExitFailed) != c.fatal || !strings.Contains(text, says) {
						t.Errorf("exit code %d; want a fatal fault: %t, and %q in\n%s", code, c.fatal, says, text)
					}
					continue
				}
				if code != 0 || strings.Contains(text, says) || !strings.Contains(text, "does not concern Spegel; -v lists it") {
					t.Errorf("exit code %d; want 0 and one fault that is counted:\n%s", code, text)
				}
				if text, code := run("--all", "-v"); code != 0 || !strings.Contains(text, says) {
					t.Errorf("exit code %d with -v; want 0 and %q in\n%s", code, says, text)
				}
				if text, code := run(); code != 0 || strings.Contains(text, says) {
					t.Errorf("exit code %d without --all; want 0:\n%s", code, text)
				}
			}
		})
	}
}

// TestWhatIsNotBuiltIsCounted: a build that fails because of what is left out of it passes, -v says how much that is, and
// --all sees it.
func TestWhatIsNotBuiltIsCounted(t *testing.T) {
	t.Parallel()
	kustomization := func(name, path string) string {
		return strings.ReplaceAll(faultyKustomization("  path: ./"+path+"\n"+faultySource), "NAME", name)
	}
	dir := folder.Write(t, map[string]string{
		"flux/fleet.yaml":          kustomization("fleet", "fleet"),
		"fleet/kustomization.yaml": "resources: [good.yaml, app.yaml, again.yaml]\n",
		"fleet/good.yaml":          kustomization("spegel", "good"),
		"fleet/app.yaml":           kustomization("app", "app"),
		"fleet/again.yaml":         kustomization("app", "app"),
		"good/hr.yaml":             strings.NewReplacer("NAME", "spegel", "mirrored: true", "mirroredRegistries: ['https://docker.io']").Replace(faultyRelease),
		"app/settings.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: apps}\n",
	})
	const notBuilt = "Kustomizations not built, because nothing of Spegel can come from them: 2;"
	for flags, want := range map[string]struct {
		says, never string
		code        int
	}{
		"":         {"", notBuilt, cli.ExitOK},
		"-v":       {notBuilt, "already registered id", cli.ExitOK},
		"-v --all": {"already registered id", notBuilt, cli.ExitFailed},
	} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := cli.Run(t.Context(), append([]string{"check", "--private-registry", "harbor.example.com", dir}, strings.Fields(flags)...), nil, &out, &errs)
			if text := out.String() + errs.String(); code != want.code || !strings.Contains(text, want.says) || strings.Contains(text, want.never) {
				t.Errorf("exit code %d; want %d, %q and not %q in\n%s", code, want.code, want.says, want.never, text)
			}
		})
	}
}
