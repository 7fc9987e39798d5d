package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// policyInForce is what setPolicy has set last.
var policyInForce = testPolicy

// setPolicy sets it.
func setPolicy(t testing.TB, policy string) {
	t.Helper()
	if policy == policyInForce { // the same text again is no new version
		return
	}
	clustertest.SetPolicy(t, guard, policy)
	policyInForce = policy
}

// eventually polls for up to 20 seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	clustertest.Eventually(t, 20*time.Second, what, ok, guard.Logs)
}

func metric(t testing.TB, name string) string {
	t.Helper()
	resp, err := http.Get(guard.MetricsURL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// TestPolicyReload is not parallel: all tests share the policy.
func TestPolicyReload(t *testing.T) {
	ns := namespace(t, "reload")
	accepted(t, kubectl(t, "-n", ns, "apply", "-f", goodFile))
	defer setPolicy(t, testPolicy)

	setPolicy(t, testPolicy+"  - docker.io\n")
	refused(t, kubectl(t, "-n", ns, "annotate", "helmrelease", "spegel", "a=1"), "private-registry-mirrored")

	refusals := metric(t, `spegel_guard_policy_reloads_total{result="refused"}`)
	setPolicy(t, testPolicy+"  - https://docker.io\n")
	if !strings.Contains(guard.Logs(), `policy.yaml:7: privateRegistries[3]: \"https://docker.io\": has a scheme`) {
		t.Errorf("the log does not say what is wrong with the policy:\n%s", guard.Logs())
	}
	if now := metric(t, `spegel_guard_policy_reloads_total{result="refused"}`); now == refusals || now == "" {
		t.Errorf("policy_reloads_total refused is %q; before %q", now, refusals)
	}
	refused(t, kubectl(t, "-n", ns, "annotate", "helmrelease", "spegel", "a=1"), "private-registry-mirrored") // the last good one
	if metric(t, "spegel_guard_policy_age_seconds") == "" {
		t.Error("no metric for the age of the policy")
	}

	setPolicy(t, testPolicy)
	accepted(t, kubectl(t, "-n", ns, "annotate", "helmrelease", "spegel", "a=1"))
}

// TestCertificateFiles is not parallel: it changes the files that the shared webhook serves from.
func TestCertificateFiles(t *testing.T) {
	ns := namespace(t, "certificate")
	key := filepath.Join(guard.CertDir(), "tls.key")
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log says that the pair does not match", func() bool {
		return strings.Contains(guard.Logs(), "not looked after, the last known state stays")
	})
	accepted(t, kubectl(t, "-n", ns, "apply", "-f", goodFile)) // the old pair is still served
	if err := os.WriteFile(key, good, 0o600); err != nil {
		t.Fatal(err)
	}
	accepted(t, kubectl(t, "-n", ns, "annotate", "helmrelease", "spegel", "a=1"))
}

func TestMetricsTellWhatHappened(t *testing.T) {
	ns := namespace(t, "metrics")
	name := func(dryRun bool) string {
		return fmt.Sprintf(`spegel_guard_reviews_total{dry_run="%t",kind="HelmRelease",operation="CREATE",verdict="deny"}`, dryRun)
	}
	before, beforeDry, log := metric(t, name(false)), metric(t, name(true)), guard.Logs()
	refused(t, kubectl(t, "-n", ns, "create", "-f", badFile))
	refused(t, kubectl(t, "-n", ns, "create", "--dry-run=server", "-f", badFile))
	if metric(t, name(false)) == before || metric(t, name(true)) == beforeDry {
		t.Error("a denial is not counted")
	}
	lines := strings.TrimPrefix(guard.Logs(), log)
	if strings.Count(lines, "\n") != 1 || !strings.Contains(lines, `"msg":"denied","kind":"HelmRelease","namespace":"metrics","name":"spegel","operation":"CREATE"`) ||
		!strings.Contains(lines, `"rules":["legacy-registries-key","empty-mirror-list"]`) || strings.Contains(lines, "docker.io") {
		t.Errorf("want one line for the denial that was no dry run, without values:\n%s", lines)
	}
	for _, want := range []string{
		`spegel_guard_findings_total{rule="empty-mirror-list",severity="deny"}`, "spegel_guard_review_duration_seconds_count",
	} {
		if metric(t, want) == "" {
			t.Errorf("no metric %s", want)
		}
	}
}
