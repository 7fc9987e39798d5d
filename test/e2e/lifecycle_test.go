package e2e_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

func patch(t testing.TB, ns, patch string, more ...string) cluster.Result {
	t.Helper()
	return kubectl(t, append([]string{"-n", ns, "patch", "helmrelease", "spegel", "--type=merge", "-p", patch}, more...)...)
}

func TestUpdateFromGoodToBadAndBack(t *testing.T) {
	t.Parallel()
	ns := namespace(t, "updates")
	accepted(t, kubectl(t, "-n", ns, "apply", "-f", goodFile))
	before := accepted(t, kubectl(t, "-n", ns, "get", "helmrelease", "spegel", "-o", "jsonpath={.metadata.uid} {.spec.values}"))
	refused(t, kubectl(t, "-n", ns, "apply", "-f", badFile), "legacy-registries-key", "empty-mirror-list")
	refused(t, patch(t, ns, `{"spec":{"values":null}}`), "empty-mirror-list")
	refused(t, kubectl(t, "-n", ns, "replace", "-f", badFile), "legacy-registries-key")
	if after := accepted(t, kubectl(t, "-n", ns, "get", "helmrelease", "spegel", "-o", "jsonpath={.metadata.uid} {.spec.values}")); after != before {
		t.Errorf("a refused update changed the release from %s to %s", before, after)
	}
}

func TestReleaseThatWasBadBeforeTheGuardCame(t *testing.T) {
	t.Parallel()
	t.Run("a change of metadata alone is refused", func(t *testing.T) {
		t.Parallel()
		// this is what "flux reconcile helmrelease" does
		refused(t, kubectl(t, "-n", "bad-metadata", "annotate", "helmrelease", "spegel", "reconcile.fluxcd.io/requestedAt=now"), "legacy-registries-key")
	})
	t.Run("its status may be written", func(t *testing.T) {
		t.Parallel()
		accepted(t, patch(t, "bad-status", `{"status":{"observedGeneration":1}}`, "--subresource=status"))
	})
	t.Run("it may be deleted", func(t *testing.T) {
		t.Parallel()
		accepted(t, kubectl(t, "-n", "bad-deletion", "delete", "helmrelease", "spegel", "--timeout=20s"))
	})
	t.Run("it may be suspended, and not resumed", func(t *testing.T) {
		t.Parallel()
		out := accepted(t, patch(t, "bad-suspend", `{"spec":{"suspend":true}}`))
		if !strings.Contains(out, "Warning: legacy-registries-key: ") {
			t.Errorf("no warning:\n%s", out)
		}
		refused(t, patch(t, "bad-suspend", `{"spec":{"suspend":false}}`), "legacy-registries-key")
	})
	t.Run("it may be fixed", func(t *testing.T) {
		t.Parallel()
		out := accepted(t, patch(t, "bad-fix", `{"spec":{"values":{"spegel":{"registries":null,"mirroredRegistries":["https://docker.io"]}}}}`))
		if !strings.Contains(out, "kubectl -n bad-fix rollout restart ds/spegel") {
			t.Errorf("no word of the restart:\n%s", out)
		}
	})
}

func TestFinalizersOfABadReleaseCanBeRemoved(t *testing.T) {
	t.Parallel()
	const ns = "bad-finalizer"
	// the finalizer itself came before the guard too, so suspend first: that is always admitted
	accepted(t, patch(t, ns, `{"metadata":{"finalizers":["finalizers.fluxcd.io"]},"spec":{"suspend":true}}`))
	accepted(t, kubectl(t, "-n", ns, "delete", "helmrelease", "spegel", "--wait=false"))
	// being deleted, it may even be resumed: helm-controller has to finish
	accepted(t, patch(t, ns, `{"spec":{"suspend":false}}`))
	accepted(t, patch(t, ns, `{"metadata":{"finalizers":null}}`))
	accepted(t, kubectl(t, "-n", ns, "wait", "--for=delete", "helmrelease/spegel", "--timeout=20s"))
}

func TestAnotherChartIsUntouched(t *testing.T) {
	t.Parallel()
	ns := namespace(t, "others")
	out := accepted(t, kubectl(t, "-n", ns, "apply", "-f", "test/e2e/testdata/other.yaml"))
	if strings.Contains(out, "Warning") {
		t.Errorf("a warning for another chart:\n%s", out)
	}
}

// TestValuesOfAnyType: the CRD has no type for values, so the API server hands anything on.
func TestValuesOfAnyType(t *testing.T) {
	t.Parallel()
	ns := namespace(t, "types")
	for _, values := range []string{`"x"`, `[]`, `5`, `{"spegel":"x"}`, `{"spegel":[]}`} {
		manifest := strings.Replace(release(t, "spegel", "{}"), "values: {}", "values: "+values, 1)
		refused(t, kubectlInput(t, manifest, "-n", ns, "apply", "-f", "-"), "invalid-mirror-url")
		other := strings.ReplaceAll(manifest, "spegel\n", "podinfo\n")
		if strings.Contains(values, "spegel") {
			continue // then the match condition asks the guard
		}
		accepted(t, kubectlInput(t, other, "-n", ns, "apply", "-f", "-"))
	}
}
