// Package clustertest is what the end-to-end tests of several packages share: how tests with a control plane begin and end,
// and how one asks kubectl, waits, and compares with a golden file. It takes a cluster as it is, and knows nothing of what is
// tested.
package clustertest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// update writes golden files instead of comparing with them. Read them before you commit them.
var update = flag.Bool("update", false, "write golden files") //nolint:gochecknoglobals // a flag of the tests

// setUp is how long a control plane, and what the tests of a package start beside it, may take.
const setUp = 5 * time.Minute

// Run starts a control plane with all CRDs, calls tests with it, stops it, and returns the exit status of the process: what
// tests returns, or 1 with the error on standard error. The context is for what tests starts beside the control plane.
func Run(o cluster.Options, tests func(ctx context.Context, c *cluster.Cluster) (code int, err error)) int {
	flag.Parse()
	code, err := within(o, tests)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

func within(o cluster.Options, tests func(context.Context, *cluster.Cluster) (int, error)) (code int, err error) {
	log.SetLogger(logr.Discard())
	ctx, cancel := context.WithTimeout(context.Background(), setUp)
	defer cancel()
	if o.WorkDir, err = cluster.Root(); err != nil {
		return 1, err
	}
	if o.CRDs, err = cluster.CRDs(); err != nil {
		return 1, err
	}
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	return tests(ctx, c)
}

// Kubectl runs kubectl from the root of the repository.
func Kubectl(t testing.TB, c *cluster.Cluster, args ...string) cluster.Result {
	t.Helper()
	result, err := c.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// KubectlInput hands a manifest to kubectl on standard input.
func KubectlInput(t testing.TB, c *cluster.Cluster, manifest string, args ...string) cluster.Result {
	t.Helper()
	result, err := c.KubectlInput(t.Context(), strings.NewReader(manifest), args...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// Accepted fails the test unless kubectl succeeded; the output is what it printed.
func Accepted(t testing.TB, result cluster.Result) string {
	t.Helper()
	if result.ExitCode != 0 {
		t.Fatalf("kubectl ended with status %d; want it accepted\n%s", result.ExitCode, result.Output)
	}
	return result.Output
}

// Eventually polls until something is so. If that takes too long, it fails the test with the logs that are given.
func Eventually(t testing.TB, limit time.Duration, what string, ok func() bool, logs ...func() string) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("not within %s: %s", limit, what)
	for _, logs := range logs {
		t.Log(logs())
	}
	t.FailNow()
}

// SetPolicy replaces the policy file of a webhook, and waits until it says that it has taken it over, or refused it.
func SetPolicy(t testing.TB, w *cluster.Webhook, policy string) {
	t.Helper()
	seen := func() int { return strings.Count(w.Logs(), `"msg":"policy`) }
	before := seen()
	if err := w.WritePolicy([]byte(policy)); err != nil {
		t.Fatal(err)
	}
	Eventually(t, time.Minute, "the webhook has seen the policy", func() bool { return seen() > before }, w.Logs)
}

// Golden compares text with a file; -update writes it.
func Golden(t testing.TB, path, text string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
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
