// Package e2e_test runs the built webhook against a real API server, with the real kubectl: what a
// person or Flux sees when the guard is installed from manifests/.
package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// The control plane, and the webhook that is registered with it, are shared: a test has a namespace of
// its own. Tests that stop the webhook or change its policy are not parallel, so they run before the
// others.
var (
	shared *cluster.Cluster
	guard  *cluster.Webhook
)

// testPolicy is the policy in force.
const testPolicy = `apiVersion: spegel-guard.dev/v1alpha1
kind: Policy
privateRegistries:
  - registry.example.ts.net
  - harbor.example.com:8443
  - "*.internal.example.com"
`

func TestMain(m *testing.M) {
	os.Exit(clustertest.Run(cluster.Options{Audit: cluster.AuditPolicy()}, func(ctx context.Context, c *cluster.Cluster) (code int, err error) {
		shared = c
		if guard, err = shared.StartWebhook(ctx, cluster.WebhookOptions{Policy: []byte(testPolicy)}); err != nil {
			return 1, err
		}
		// these were there before the guard came
		for _, ns := range []string{"bad-metadata", "bad-status", "bad-deletion", "bad-finalizer", "bad-suspend", "bad-fix"} {
			if err := seed(ctx, ns); err != nil {
				return 1, err
			}
		}
		if err := guard.Register(ctx); err != nil {
			return 1, err
		}
		code = m.Run()
		_, err = webhookRequests()
		return code, err
	}))
}

// seed creates the incident in a namespace of its own.
func seed(ctx context.Context, namespace string) error {
	for _, args := range [][]string{
		{"create", "namespace", namespace},
		{"create", "-n", namespace, "-f", badFile},
	} {
		result, err := shared.Kubectl(ctx, args...)
		if err == nil && result.ExitCode != 0 {
			err = errors.New(result.Output)
		}
		if err != nil {
			return fmt.Errorf("seed %s: %w", namespace, err)
		}
	}
	return nil
}
