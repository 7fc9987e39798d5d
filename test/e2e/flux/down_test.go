package flux_test

import (
	"strings"
	"testing"
)

// whileDown runs a step with no replica of the webhook. Tests that use it are not parallel: all share the webhook.
func whileDown(t *testing.T, step func()) {
	t.Helper()
	if err := guard.Stop(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := guard.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}()
	step()
}

// TestFluxConfigMapTurnedBadWhileDown: with the guard down, a ConfigMap of a fixed name that turns bad gets in. From then on the
// release is bad, and each way to go on is open.
func TestFluxConfigMapTurnedBadWhileDown(t *testing.T) {
	fixed := with(byConfigMap(listBetter), "helmrelease.yaml", helmRelease("  timeout: 3m\n"+fromConfigMap))
	ways := map[string]func(a app){
		"revert": func(a app) {
			a.push(byConfigMap(listGood))
			a.twice(func() { a.applied("app") })
			a.holds(listGood)
		},
		"fix-and-change": func(a app) {
			a.push(fixed)
			a.twice(func() { a.applied("app") })
			a.holds(listBetter)
			if got := a.get("helmrelease", "spegel", "{.spec.timeout}"); got != "3m" {
				a.t.Errorf("the change of the release is not there: %q", got)
			}
		},
		"reconcile": func(a app) {
			a.twice(func() { a.applied("app"); a.touch() })
			a.holds(listPrivate)
		},
		"bad-again": func(a app) { // what it adds is refused, and what was there is not
			a.push(byConfigMap("[https://registry.example.ts.net, https://harbor.example.com:8443]"))
			a.twice(func() { a.refusedBy("configmaps", "app", "private-registry-mirrored") })
			a.holds(listPrivate)
		},
	}
	apps := map[string]app{}
	for name := range ways {
		apps[name] = newForcedApp(t, "flux-down-"+name, byConfigMap(listGood))
		apps[name].applied("app")
	}
	whileDown(t, func() {
		for _, a := range apps {
			a.push(byConfigMap(listPrivate))
			a.applied("app")
			a.holds(listPrivate)
		}
	})
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way(app{t, apps[name].ns})
		})
	}
}

// TestFluxWhileDown: with no replica running, Flux goes on with all but what would install a changed Spegel.
func TestFluxWhileDown(t *testing.T) {
	const another = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: another}
spec:
  interval: 1h
  chartRef: {kind: OCIRepository, name: another}
  valuesFrom: [{kind: ConfigMap, name: spegel-dashboard}]
`
	a := newForcedApp(t, "flux-while-down", fix)
	a.applied("app")
	whileDown(t, func() {
		passing := with(fix, "another.yaml", another)
		passing = with(passing, "dashboard.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spegel-dashboard}\ndata: {values.yaml: 'spegel: {}'}\n")
		passing = with(passing, "helmrelease.yaml", strings.Replace(fix["helmrelease.yaml"], "{name: spegel}\nspec", "{name: spegel, labels: {a: b}}\nspec", 1))
		a.push(passing)
		a.twice(func() { a.applied("app") })
		if a.get("helmrelease", "spegel", "{.metadata.labels.a}") != "b" || a.get("helmrelease", "another", "{.metadata.uid}") == "" ||
			a.get("configmap", "spegel-dashboard", "{.metadata.uid}") == "" {
			t.Error("what should pass was not applied in full")
		}
		a.touch()
		a.push(with(passing, "helmrelease.yaml", helmRelease("  values: {spegel: {mirroredRegistries: "+listBetter+"}}\n")))
		a.twice(func() {
			if ready := a.reconcile("app"); !strings.HasPrefix(ready, "False HelmRelease/") || !strings.Contains(ready, `failed calling webhook "helmreleases.spegel-guard.dev"`) {
				t.Errorf("app is %s", ready)
			}
		})
		if got := a.get("helmrelease", "spegel", "{.spec.values.spegel.mirroredRegistries}"); got != `["https://docker.io"]` {
			t.Errorf("the release has %s", got)
		}
		a.push(with(passing, "helmrelease.yaml", helmRelease("  suspend: true\n  values: {spegel: {mirroredRegistries: "+listGood+"}}\n")))
		a.twice(func() { a.applied("app") })
		if got := a.get("helmrelease", "spegel", "{.spec.suspend}"); got != "true" {
			t.Errorf("it is not suspended: %q", got)
		}
	})
}
