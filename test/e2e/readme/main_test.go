// Package readme_test installs what the README and docs/install.md have their readers install, to the letter: a release is packed
// and pushed, the real kustomize-controller applies it, cert-manager issues the certificate, and the incident is refused.
package readme_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
	"github.com/spegel-guard/spegel-guard/test/page"
)

// A cluster with Flux and cert-manager.
var (
	shared *cluster.Cluster
	flux   *cluster.Flux
	root   string
)

func TestMain(m *testing.M) {
	os.Exit(clustertest.Run(cluster.Options{Services: true}, func(ctx context.Context, c *cluster.Cluster) (code int, err error) {
		shared = c
		if root, err = cluster.Root(); err != nil {
			return 1, err
		}
		if flux, err = shared.StartFlux(ctx); err != nil {
			return 1, err
		}
		if _, err = shared.StartCertManager(); err != nil {
			return 1, err
		}
		return m.Run(), nil
	}))
}

// kubectl runs it and returns what it prints; it must succeed.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return clustertest.Accepted(t, clustertest.Kubectl(t, shared, args...))
}

// apply applies a manifest.
func apply(t *testing.T, manifest string) {
	t.Helper()
	clustertest.Accepted(t, clustertest.KubectlInput(t, shared, manifest, "apply", "-f", "-"))
}

// refused wants kubectl to be refused with an answer that contains this.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	if r := clustertest.Kubectl(t, shared, args...); r.ExitCode == 0 || !strings.Contains(r.Output, want) {
		t.Errorf("kubectl %s: status %d:\n%s\nwant\n%s", strings.Join(args, " "), r.ExitCode, r.Output, want)
	}
}

// eventually polls for up to two minutes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	clustertest.Eventually(t, 2*time.Minute, what, ok, flux.Logs)
}

// reconciled waits until the Ready condition of a Kustomization says this, and asks Flux to look at it again meanwhile, as it
// would after its own time.
func reconciled(t *testing.T, name, status, message string) {
	t.Helper()
	var asked time.Time
	const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].message}`
	eventually(t, name+" is "+status+": "+message, func() bool {
		last := kubectl(t, "-n", "flux-system", "get", "kustomization", name, "-o", ready)
		if strings.HasPrefix(last, status+" ") && strings.Contains(last, message) {
			return true
		}
		if time.Since(asked) > time.Second { // and not while it is at it
			reconcile(t, name)
			asked = time.Now()
		}
		return false
	})
}

func reconcile(t *testing.T, name string) {
	t.Helper()
	kubectl(t, "-n", "flux-system", "annotate", "--overwrite", "kustomization", name, "reconcile.fluxcd.io/requestedAt="+time.Now().Format(time.RFC3339Nano))
}

// block returns the first fenced block of a page, of this language, that holds this.
func block(t *testing.T, name, language, holds string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range page.Blocks(string(text), language) {
		if strings.Contains(block, holds) {
			return block
		}
	}
	t.Fatalf("%s has no block of %s with %s", name, language, holds)
	return ""
}
