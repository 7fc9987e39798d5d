// Package selfsigned_test installs components/self-signed on a control plane of its own: two replicas that make their own
// certificate, and the API server that comes to trust it.
package selfsigned_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

const (
	goodFile = "test/e2e/testdata/good.yaml"
	badFile  = "test/e2e/testdata/bad.yaml"

	testPolicy = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [registry.example.ts.net]\n"

	// webhookUser is who the replicas are for the API server.
	webhookUser = "system:serviceaccount:spegel-guard:spegel-guard"
)

func (s *selfSigned) kubectl(t *testing.T, args ...string) cluster.Result {
	t.Helper()
	return clustertest.Kubectl(t, s.cluster, args...)
}

// accepted fails the test unless kubectl succeeded; the output is what it printed.
var accepted = clustertest.Accepted

// refused fails the test unless the guard refused for a rule.
func refused(t *testing.T, result cluster.Result, rule string) {
	t.Helper()
	if result.ExitCode == 0 || !strings.Contains(result.Output, `helmreleases.spegel-guard.dev" denied the request: Spegel`) ||
		!strings.Contains(result.Output, "["+rule+"]") {
		t.Fatalf("kubectl ended with status %d; want a refusal for %s\n%s", result.ExitCode, rule, result.Output)
	}
}

// eventually polls for up to 20 seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	clustertest.Eventually(t, 20*time.Second, what, ok)
}
