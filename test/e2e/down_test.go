package e2e_test

import (
	"strings"
	"testing"
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
	for _, file := range []string{goodFile, badFile} {
		result := kubectl(t, "-n", ns, "apply", "--server-side", "--force-conflicts", "-f", file)
		if result.ExitCode == 0 || !strings.Contains(result.Output, "failed calling webhook") {
			t.Errorf("%s: status %d; want a refusal because nobody answers\n%s", file, result.ExitCode, result.Output)
		}
	}
	suspend := kubectl(t, "-n", ns, "patch", "helmrelease", "spegel", "--type=merge", "-p", `{"spec":{"suspend":true}}`)
	if suspend.ExitCode == 0 || !strings.Contains(suspend.Output, "failed calling webhook") {
		t.Errorf("suspending: status %d; want a refusal because nobody answers\n%s", suspend.ExitCode, suspend.Output)
	}
	accepted(t, kubectl(t, "-n", ns, "delete", "helmrelease", "spegel", "--timeout=20s"))
	start()
	accepted(t, kubectl(t, "-n", ns, "apply", "-f", goodFile))
	refused(t, kubectl(t, "-n", ns, "apply", "-f", badFile))
}
