package flux_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// The lists that ConfigMaps and releases hold here.
const (
	listGood    = "[https://docker.io]"
	listBetter  = "[https://docker.io, https://ghcr.io]"
	listPrivate = "[https://docker.io, https://registry.example.ts.net]"
)

// byConfigMap is a repository with a release that takes its list from a ConfigMap of a fixed name.
func byConfigMap(list string) map[string]string {
	return map[string]string{
		"helmrelease.yaml":   helmRelease(fromConfigMap),
		"ocirepository.yaml": ociRepository,
		"configmap.yaml":     configMap(list),
	}
}

const fromConfigMap = "  valuesFrom: [{kind: ConfigMap, name: spegel-values}]\n"

func configMap(list string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spegel-values}\ndata:\n  values.yaml: |\n    spegel: {mirroredRegistries: " + list + "}\n"
}

// newForcedApp is an app whose Kustomization would delete what Flux takes for immutable. Nothing here may look like that.
func newForcedApp(t *testing.T, ns string, files map[string]string) app {
	t.Helper()
	return newApp(t, ns, "  force: true\n", files)
}

// holds fails the test unless the ConfigMap that the release names holds this list.
func (a app) holds(list string) {
	a.t.Helper()
	values := a.get("configmap", a.named(), "{.data.values\\.yaml}")
	if _, got, _ := strings.Cut(strings.TrimSpace(values), "mirroredRegistries: "); got != list+"}" {
		a.t.Errorf("the ConfigMap %s holds %s, want %s", a.named(), values, list)
	}
}

// named is the ConfigMap that the release names.
func (a app) named() string { return a.get("helmrelease", "spegel", "{.spec.valuesFrom[0].name}") }

// twice runs a step of two reconciliations, and returns the UID of the release; empty for none. It fails the test if the release goes
// or is made anew in one of them.
func (a app) twice(step func()) (uid string) {
	a.t.Helper()
	uid = a.uid()
	for range 2 {
		step()
		now := a.uid()
		if uid != "" && now != uid {
			a.t.Errorf("the release was made anew: uid %s, then %q", uid, now)
		}
		uid = now
	}
	return uid
}

// touch writes what is no change of the spec, as people, helm-controller and "flux reconcile helmrelease" do.
func (a app) touch() {
	a.t.Helper()
	for _, args := range [][]string{
		{"annotate", "--overwrite", "helmrelease", "spegel", "reconcile.fluxcd.io/requestedAt=now"},
		{"label", "--overwrite", "helmrelease", "spegel", "a=b"},
		{"patch", "helmrelease", "spegel", "--type=merge", "-p", `{"metadata": {"finalizers": ["finalizers.fluxcd.io"]}}`},
		{"patch", "helmrelease", "spegel", "--type=merge", "-p", `{"metadata": {"finalizers": null}}`},
	} {
		accepted(a.t, kubectl(a.t, append([]string{"-n", a.ns}, args...)...))
	}
}

// TestFluxConfigMapTurnsBad: a commit makes a ConfigMap of a fixed name bad, and its release stays as it is. The ConfigMap is refused
// at its dry run, and nothing of the commit is applied.
func TestFluxConfigMapTurnsBad(t *testing.T) {
	t.Parallel()
	a := newForcedApp(t, "flux-cm-bad", byConfigMap(listGood))
	a.applied("app")
	a.push(with(byConfigMap(listPrivate), "neighbour.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: neighbour}\n"))
	a.twice(func() {
		message := a.refusedBy("configmaps", "app", "private-registry-mirrored")
		for _, want := range []string{"ConfigMap/flux-cm-bad/spegel-values dry-run failed (Forbidden)", "(1 problem) in HelmRelease flux-cm-bad/spegel:"} {
			if !strings.Contains(message, want) {
				t.Errorf("want %q in the condition: %s", want, message)
			}
		}
	})
	a.holds(listGood)
	if a.get("configmap", "neighbour", "{.metadata.uid}") != "" {
		t.Error("a part of the commit was applied")
	}
	a.push(byConfigMap(listBetter))
	a.twice(func() { a.applied("app") })
	a.holds(listBetter)
}

// TestFluxListMovesIntoTheRelease: one commit takes the list out of the ConfigMap and puts it into the release.
func TestFluxListMovesIntoTheRelease(t *testing.T) {
	t.Parallel()
	a := newForcedApp(t, "flux-cm-moves", byConfigMap(listGood))
	a.applied("app")
	moved := with(byConfigMap(listGood), "configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spegel-values}\ndata: {values.yaml: 'service: {}'}\n")
	a.push(with(moved, "helmrelease.yaml", helmRelease(fromConfigMap+"  values: {spegel: {mirroredRegistries: "+listGood+"}}\n")))
	a.twice(func() { a.applied("app") })
	if got := a.get("configmap", "spegel-values", "{.data.values\\.yaml}"); got != "service: {}" {
		t.Errorf("the ConfigMap holds %q", got)
	}
	if got := a.get("helmrelease", "spegel", "{.spec.values.spegel.mirroredRegistries}"); got != `["https://docker.io"]` {
		t.Errorf("the release has %s", got)
	}
}

// generated is a repository with a generated ConfigMap, whose name the release follows.
func generated(list string) map[string]string {
	return map[string]string{
		"kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [helmrelease.yaml, ocirepository.yaml]
configMapGenerator:
  - name: spegel-values
    files: [values.yaml]
configurations: [kustomizeconfig.yaml]
`,
		"kustomizeconfig.yaml": `nameReference:
  - kind: ConfigMap
    version: v1
    fieldSpecs:
      - {path: spec/valuesFrom/name, kind: HelmRelease}
`,
		"values.yaml":        "spegel: {mirroredRegistries: " + list + "}\n",
		"helmrelease.yaml":   helmRelease(fromConfigMap),
		"ocirepository.yaml": ociRepository,
	}
}

// TestFluxGeneratedConfigMapTurnsBad: the release changes along with the name of its ConfigMap. Its dry run comes before the new
// one is there and must not be refused; when it is applied, it is.
func TestFluxGeneratedConfigMapTurnsBad(t *testing.T) {
	t.Parallel()
	a := newForcedApp(t, "flux-cm-generated", generated(listGood))
	a.applied("app")
	a.push(generated(listPrivate))
	a.twice(func() { a.refused("app", "private-registry-mirrored") })
	a.holds(listGood)
	a.push(generated(listBetter))
	a.twice(func() { a.applied("app") })
	a.holds(listBetter)
}

// TestFluxUnresolvedDenied is not parallel: it changes the policy that all tests share. With unresolved: deny, a release
// and what it names come in one commit, and a generated ConfigMap gets another name.
func TestFluxUnresolvedDenied(t *testing.T) {
	clustertest.SetPolicy(t, guard, testPolicy+"unresolved: deny\n")
	t.Cleanup(func() { clustertest.SetPolicy(t, guard, testPolicy) })
	t.Run("a fixed name", func(t *testing.T) {
		t.Parallel()
		a := newForcedApp(t, "flux-deny-fixed", byConfigMap(listGood))
		a.twice(func() { a.applied("app") })
		a.push(byConfigMap(listPrivate))
		a.twice(func() { a.refusedBy("configmaps", "app", "private-registry-mirrored") })
		a.holds(listGood)
	})
	t.Run("a generated name", func(t *testing.T) {
		t.Parallel()
		a := newForcedApp(t, "flux-deny-generated", generated(listGood))
		a.twice(func() { a.applied("app") })
		a.push(generated(listBetter))
		a.twice(func() { a.applied("app") })
		a.holds(listBetter)
		a.push(generated(listPrivate))
		a.twice(func() { a.refused("app", "private-registry-mirrored") })
		a.holds(listBetter)
	})
	t.Run("a ConfigMap that never comes", func(t *testing.T) {
		t.Parallel()
		files := byConfigMap(listGood)
		delete(files, "configmap.yaml")
		a := newForcedApp(t, "flux-deny-never", files)
		uid := a.twice(func() {
			if ready := a.reconcile("app"); !strings.HasPrefix(ready, "False HelmRelease/") || !strings.Contains(ready, "[unresolved]") {
				t.Errorf("app is %s", ready)
			}
		})
		if uid != "" {
			t.Error("the release was applied")
		}
	})
	t.Run("a source that comes with its release", func(t *testing.T) {
		t.Parallel()
		a := newForcedApp(t, "flux-deny-source", fix)
		if a.twice(func() { a.applied("app") }) == "" || a.get("ocirepository", "spegel", "{.metadata.uid}") == "" {
			t.Error("the release or its source was not applied")
		}
	})
}
