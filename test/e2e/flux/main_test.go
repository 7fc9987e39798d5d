// Package flux_test has the real kustomize-controller apply repositories past the guard, and past the CEL policies: what
// stands in a Kustomization's condition, what is applied and what is not, and that no refusal makes Flux delete a release. It
// has a control plane of its own, because it stops the webhook and changes its policy.
package flux_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// The control plane, the webhook that is registered with it, and Flux are shared: a test has a namespace of its own. Tests
// that stop the webhook or change its policy are not parallel, so they run before the others.
var (
	shared *cluster.Cluster
	guard  *cluster.Webhook
	flux   *cluster.Flux
	api    client.Client
)

// testPolicy is the policy in force.
const testPolicy = `apiVersion: spegel-guard.dev/v1alpha1
kind: Policy
privateRegistries:
  - registry.example.ts.net
  - harbor.example.com:8443
`

const badFile = "test/e2e/testdata/bad.yaml"

func TestMain(m *testing.M) {
	os.Exit(clustertest.Run(cluster.Options{}, func(ctx context.Context, c *cluster.Cluster) (code int, err error) {
		shared = c
		if guard, err = shared.StartWebhook(ctx, cluster.WebhookOptions{Policy: []byte(testPolicy)}); err != nil {
			return 1, err
		}
		if flux, err = shared.StartFlux(ctx); err != nil {
			return 1, err
		}
		if err := guard.Register(ctx); err != nil {
			return 1, err
		}
		scheme := runtime.NewScheme()
		if err := errors.Join(sourcev1.AddToScheme(scheme), kustomizev1.AddToScheme(scheme)); err != nil {
			return 1, err
		}
		if api, err = client.New(shared.Config(), client.Options{Scheme: scheme}); err != nil {
			return 1, err
		}
		return m.Run(), nil
	}))
}

// accepted fails the test unless kubectl succeeded; the output is what it printed.
var accepted = clustertest.Accepted

func kubectl(t *testing.T, args ...string) cluster.Result {
	t.Helper()
	return clustertest.Kubectl(t, shared, args...)
}

// kubectlInput hands a manifest to kubectl on standard input.
func kubectlInput(t *testing.T, manifest string, args ...string) cluster.Result {
	t.Helper()
	return clustertest.KubectlInput(t, shared, manifest, args...)
}

// eventually polls for up to 20 seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	clustertest.Eventually(t, 20*time.Second, what, ok, guard.Logs)
}

// namespace makes a namespace that goes with the cluster.
func namespace(t *testing.T, name string) string {
	t.Helper()
	accepted(t, kubectl(t, "create", "namespace", name))
	return name
}
