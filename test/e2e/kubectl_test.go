package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

const (
	goodFile = "test/e2e/testdata/good.yaml"
	badFile  = "test/e2e/testdata/bad.yaml"
)

func kubectl(t testing.TB, args ...string) cluster.Result {
	t.Helper()
	result, err := shared.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// kubectlInput hands a manifest to kubectl on standard input.
func kubectlInput(t testing.TB, manifest string, args ...string) cluster.Result {
	t.Helper()
	result, err := shared.KubectlInput(t.Context(), strings.NewReader(manifest), args...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// accepted fails the test unless kubectl succeeded; the output is what it printed.
func accepted(t testing.TB, result cluster.Result) string {
	t.Helper()
	if result.ExitCode != 0 {
		t.Fatalf("kubectl ended with status %d; want it accepted\n%s", result.ExitCode, result.Output)
	}
	return result.Output
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

// golden compares text with a file of testdata/golden; -update writes it.
func golden(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
