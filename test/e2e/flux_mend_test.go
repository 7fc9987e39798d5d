package e2e_test

import (
	"strings"
	"testing"
)

// TestFluxMendsAConfigMap: a release in the cluster is bad by its ConfigMap, and a commit mends the
// ConfigMap under the same name. Flux dry-runs the release against the ConfigMap as it still is, so the
// commit is refused. The denial says so, and both ways out that it names work.
func TestFluxMendsAConfigMap(t *testing.T) {
	t.Parallel()
	const from = "  valuesFrom: [{kind: ConfigMap, name: spegel-values}]\n"
	configMap := func(list string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spegel-values}\ndata: {values.yaml: 'spegel: {mirroredRegistries: " + list + "}'}\n"
	}
	files := map[string]string{"helmrelease.yaml": helmRelease(from), "ocirepository.yaml": ociRepository, "configmap.yaml": configMap("[https://docker.io]")}
	for name, way := range map[string]func(a app){
		"suspension": func(a app) { // in the same commit
			mended := with(files, "configmap.yaml", configMap("[https://ghcr.io]"))
			a.push(with(mended, "helmrelease.yaml", helmRelease("  suspend: true\n"+from)))
			a.applied("app")
			a.push(mended)
		},
		"by-hand": func(a app) {
			accepted(a.t, kubectlInput(a.t, configMap("[https://ghcr.io]"), "-n", a.ns, "apply", "--server-side", "--force-conflicts", "-f", "-"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, "flux-mend-"+name, "", files)
			a.applied("app")
			accepted(t, kubectlInput(t, configMap("[https://registry.example.ts.net]"), "-n", a.ns, "apply", "--server-side", "--force-conflicts", "-f", "-"))
			a.push(with(files, "configmap.yaml", configMap("[https://ghcr.io]")))
			if message := a.refused("app", "private-registry-mirrored"); !strings.Contains(message, "apply the object with kubectl first, or suspend the release in that commit") {
				t.Errorf("the denial names no way out: %s", message)
			}
			way(a)
			a.applied("app")
		})
	}
}
