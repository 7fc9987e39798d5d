package e2e_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// TestWebhookDown is not parallel: it stops the webhook that all tests share.
func TestWebhookDown(t *testing.T) {
	ns := namespace(t, "down")
	accepted(t, kubectl(t, "-n", ns, "apply", "-f", goodFile))
	if err := guard.Stop(); err != nil {
		t.Fatal(err)
	}
	start := func() {
		if err := guard.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		if t.Failed() {
			_ = guard.Start(t.Context())
		}
	}()
	out := accepted(t, kubectl(t, "-n", ns, "apply", "-f", "test/e2e/testdata/other.yaml"))
	if strings.Contains(out, "Warning") {
		t.Errorf("a warning for another chart:\n%s", out)
	}
	for name, result := range map[string]cluster.Result{
		"a new one": kubectlInput(t, release(t, "infra-spegel", `{"spegel": {"mirroredRegistries": ["https://docker.io"]}}`), "-n", ns, "create", "-f", "-"),
		"a change":  kubectl(t, "-n", ns, "apply", "--server-side", "--force-conflicts", "-f", badFile),
	} {
		if result.ExitCode == 0 || !strings.Contains(result.Output, "failed calling webhook") {
			t.Errorf("%s: status %d; want a refusal because nobody answers\n%s", name, result.ExitCode, result.Output)
		}
	}
	accepted(t, kubectl(t, "-n", ns, "apply", "--server-side", "--force-conflicts", "-f", goodFile)) // as it is
	accepted(t, kubectl(t, "-n", ns, "label", "helmrelease", "spegel", "a=b"))
	accepted(t, kubectl(t, "-n", ns, "create", "configmap", "spegel-values", "--from-literal=values.yaml=spegel: {}"))
	accepted(t, patch(t, ns, `{"spec":{"suspend":true}}`))
	accepted(t, kubectl(t, "-n", ns, "delete", "helmrelease", "spegel", "--timeout=20s"))
	start()
	accepted(t, kubectl(t, "-n", ns, "apply", "-f", goodFile))
	refused(t, kubectl(t, "-n", ns, "apply", "-f", badFile))
}
