package e2e_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

const (
	goodFile = "test/e2e/testdata/good.yaml"
	badFile  = "test/e2e/testdata/bad.yaml"
)

// accepted fails the test unless kubectl succeeded; the output is what it printed.
var accepted = clustertest.Accepted

func kubectl(t testing.TB, args ...string) cluster.Result {
	t.Helper()
	return clustertest.Kubectl(t, shared, args...)
}

// kubectlInput hands a manifest to kubectl on standard input.
func kubectlInput(t testing.TB, manifest string, args ...string) cluster.Result {
	t.Helper()
	return clustertest.KubectlInput(t, shared, manifest, args...)
}

// refused fails the test unless the guard refused, for all the rules named.
func refused(t testing.TB, result cluster.Result, rules ...string) string {
	t.Helper()
	if result.ExitCode == 0 || !strings.Contains(result.Output, "(Forbidden)") ||
		!strings.Contains(result.Output, `helmreleases.spegel-guard.dev" denied the request: Spegel`) {
		t.Fatalf("kubectl ended with status %d; want a refusal by the guard\n%s", result.ExitCode, result.Output)
	}
	for _, rule := range rules {
		if !strings.Contains(result.Output, "["+rule+"]") {
			t.Errorf("rule %s is not named:\n%s", rule, result.Output)
		}
	}
	return result.Output
}

// namespace makes a namespace that goes with the test.
func namespace(t testing.TB, name string) string {
	t.Helper()
	accepted(t, kubectl(t, "create", "namespace", name))
	return name
}
