package flux_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// TestFluxIncident is the story of the project: the incident comes by Flux, is fixed, and broken again.
func TestFluxIncident(t *testing.T) {
	t.Parallel()
	a := newApp(t, "flux-incident", "", incident)

	var message string
	a.twice(func() { message = a.refused("app", "legacy-registries-key", "empty-mirror-list") })
	clustertest.Golden(t, "testdata/golden/condition.txt", message+"\n")
	if r := a.flux("reconcile", "kustomization", "app", "--timeout=3s"); r.ExitCode == 0 {
		t.Errorf("flux reconcile succeeded:\n%s", r.Output)
	}
	clustertest.Golden(t, "testdata/golden/get-kustomizations.txt", stable(a.flux("get", "kustomizations").Output))
	for _, object := range []string{"helmrelease/spegel", "ocirepository/spegel", "configmap/neighbour"} {
		kind, name, _ := strings.Cut(object, "/")
		if uid := a.get(kind, name, "{.metadata.uid}"); uid != "" {
			t.Errorf("%s was applied although the release beside it was refused", object)
		}
	}

	a.push(fix)
	if a.twice(func() { a.applied("app") }) == "" || a.get("configmap", "neighbour", "{.metadata.uid}") == "" {
		t.Error("the fix was not applied in full")
	}
	a.keepsTheFix(incident)
}

// keepsTheFix fails the test unless a commit that breaks the release is refused twice, and the good one stays as it is.
func (a app) keepsTheFix(broken map[string]string) {
	a.t.Helper()
	a.push(broken)
	uid := a.twice(func() { a.refused("app", "legacy-registries-key") })
	if got := a.get("helmrelease", "spegel", "{.spec.values.spegel}"); uid == "" || got != `{"mirroredRegistries":["https://docker.io"]}` {
		a.t.Errorf("the good release did not stay as it was: uid %q, values %s", uid, got)
	}
}

// TestFluxForce: with force, Flux deletes what it takes for immutable. A refusal must not look like that.
func TestFluxForce(t *testing.T) {
	t.Parallel()
	t.Run("of the Kustomization", func(t *testing.T) {
		t.Parallel()
		forced(t, "flux-force", "  force: true\n", incident)
	})
	t.Run("of the object", func(t *testing.T) {
		t.Parallel()
		forced(t, "flux-force-object", "", with(incident, "helmrelease.yaml", strings.Replace(incident["helmrelease.yaml"],
			"{name: spegel}\nspec", "{name: spegel, annotations: {kustomize.toolkit.fluxcd.io/force: enabled}}\nspec", 1)))
	})
}

func forced(t *testing.T, ns, more string, broken map[string]string) {
	t.Helper()
	a := newApp(t, ns, more, fix)
	a.applied("app")
	a.keepsTheFix(broken)
}

// TestFluxGeneratedConfigMap: the dead key comes in a generated ConfigMap, on a first install. The dry run
// comes before the ConfigMap is there and must not be refused, or the Kustomization would be locked for
// ever. Flux then applies the ConfigMap first, and so the release itself is refused.
func TestFluxGeneratedConfigMap(t *testing.T) {
	t.Parallel()
	a := newApp(t, "flux-generated", "", with(generated(listGood), "values.yaml", "spegel:\n  registries:\n    - https://docker.io\n"))
	uid := a.twice(func() {
		message := a.refused("app", "legacy-registries-key", "empty-mirror-list")
		if want := "valuesFrom ConfigMap flux-generated/spegel-values-"; !strings.Contains(message, want) {
			t.Errorf("the message does not name the ConfigMap: %s", message)
		}
	})
	// in the log, as the condition is soon that of the next try
	if uid != "" || !strings.Contains(flux.Logs(), "flux-generated/spegel apply failed: ") {
		t.Error("want the release refused when it is applied, after a dry run that was not")
	}
	applied := accepted(t, kubectl(t, "-n", a.ns, "get", "configmaps", "--selector=kustomize.toolkit.fluxcd.io/name=app", "-o", "name"))
	if !strings.Contains(applied, "spegel-values-") {
		t.Error("the ConfigMap was not applied")
	}
}

// unseen is a bad ConfigMap that is not reviewed, as the API server sees nothing of Spegel in it: a map in one line.
const unseen = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata: {values.yaml: '{spegel: {registries: [x]}}'}\n"

// TestFluxReleaseThatTurnedBad: a release that is in the cluster turns bad when its ConfigMap changes unseen.
func TestFluxReleaseThatTurnedBad(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"helmrelease.yaml":   helmRelease("  valuesFrom: [{kind: ConfigMap, name: values}]\n"),
		"ocirepository.yaml": ociRepository,
	}
	a := newApp(t, "flux-turned-bad", "", files)
	a.applied("app") // unresolved is no reason to refuse
	accepted(t, kubectlInput(t, unseen, "-n", a.ns, "apply", "-f", "-"))
	a.twice(func() { a.applied("app") }) // nor is what the inline values do not decide, where nothing is written
	if want := "legacy-registries-key: valuesFrom ConfigMap flux-turned-bad/values key values.yaml"; !strings.Contains(flux.Logs(), want) {
		t.Errorf("kustomize-controller did not log %q", want)
	}

	t.Run("it may be suspended, not resumed", func(t *testing.T) {
		if r := a.flux("suspend", "helmrelease", "spegel"); r.ExitCode != 0 {
			t.Errorf("suspend: %s", r.Output)
		}
		if r := a.flux("resume", "helmrelease", "spegel"); r.ExitCode == 0 || !strings.Contains(r.Output, "[legacy-registries-key]") {
			t.Errorf("resume: status %d: %s", r.ExitCode, r.Output)
		}
	})
	t.Run("it may be deleted with the CLI", func(t *testing.T) {
		if r := a.flux("delete", "helmrelease", "spegel", "--silent"); r.ExitCode != 0 || a.uid() != "" {
			t.Errorf("status %d: %s", r.ExitCode, r.Output)
		}
	})
}

// TestFluxReconcileOfABadRelease is not parallel: it changes the policy that all tests share. A release that its own values make bad
// is refused as it is, at "flux reconcile helmrelease" and when Flux dry-runs it, and stays.
func TestFluxReconcileOfABadRelease(t *testing.T) {
	a := newForcedApp(t, "flux-inline-bad", fix)
	a.applied("app")
	clustertest.SetPolicy(t, guard, testPolicy+"  - docker.io\n")
	t.Cleanup(func() { clustertest.SetPolicy(t, guard, testPolicy) })
	uid := a.twice(func() {
		if r := a.flux("reconcile", "helmrelease", "spegel"); r.ExitCode == 0 || !strings.Contains(r.Output, "[private-registry-mirrored]") {
			t.Errorf("flux reconcile helmrelease: status %d: %s", r.ExitCode, r.Output)
		}
		a.refused("app", "private-registry-mirrored")
	})
	if got := a.get("helmrelease", "spegel", "{.spec.values.spegel}"); uid == "" || got != `{"mirroredRegistries":["https://docker.io"]}` {
		t.Errorf("the release did not stay as it was: uid %q, values %s", uid, got)
	}
}

// TestFluxPrune: a bad release goes when its file goes.
func TestFluxPrune(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"helmrelease.yaml":   helmRelease("  valuesFrom: [{kind: ConfigMap, name: values}]\n"),
		"ocirepository.yaml": ociRepository,
	}
	a := newApp(t, "flux-prune", "", files)
	a.applied("app")
	accepted(t, kubectlInput(t, unseen, "-n", a.ns, "apply", "-f", "-"))
	a.push(map[string]string{"ocirepository.yaml": ociRepository})
	a.applied("app")
	if a.uid() != "" {
		t.Error("the release is still there")
	}
}

// TestFluxParentPatches: a parent Kustomization patches the values of a release that a child builds.
func TestFluxParentPatches(t *testing.T) {
	t.Parallel()
	a := newApp(t, "flux-parent", `  patches:
    - target: {kind: Kustomization}
      patch: |
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {name: ignored}
        spec:
          patches:
            - target: {kind: HelmRelease, name: spegel}
              patch: |
                apiVersion: helm.toolkit.fluxcd.io/v2
                kind: HelmRelease
                metadata: {name: ignored}
                spec: {values: {spegel: {mirroredRegistries: ["https://registry.example.ts.net"]}}}
`, map[string]string{
		"kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [child.yaml]\n",
		"child.yaml": `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: child}
spec:
  interval: 1h
  retryInterval: 1h
  timeout: 30s
  prune: true
  path: ./child
  targetNamespace: flux-parent
  sourceRef: {kind: GitRepository, name: repo}
`,
		"child/helmrelease.yaml":   fix["helmrelease.yaml"],
		"child/ocirepository.yaml": ociRepository,
	})
	a.applied("app")
	if a.twice(func() { a.refused("child", "private-registry-mirrored") }) != "" {
		t.Error("the release was applied")
	}
}

func TestFluxSubstitution(t *testing.T) {
	t.Parallel()
	files := with(fix, "helmrelease.yaml", helmRelease("  values: {spegel: {mirroredRegistries: [\"https://${REGISTRY}\"]}}\n"))
	a := newApp(t, "flux-substitution", "  postBuild: {substitute: {REGISTRY: registry.example.ts.net}}\n", files)
	if a.twice(func() { a.refused("app", "private-registry-mirrored") }) != "" {
		t.Error("the release was applied")
	}
}

// TestFluxLogsWarnings: a warning of an admitted release reaches the log of kustomize-controller.
func TestFluxLogsWarnings(t *testing.T) {
	t.Parallel()
	a := newApp(t, "flux-warnings", "", with(fix, "helmrelease.yaml",
		helmRelease("  values: {spegel: {appendMirrors: true, mirroredRegistries: [\"https://docker.io\"]}}\n")))
	a.applied("app")
	want := "renamed-key: spec.values.spegel.appendMirrors: Spegel's chart ignores this key since v0.1.0"
	if !strings.Contains(flux.Logs(), want) {
		t.Errorf("kustomize-controller did not log %q", want)
	}
}
