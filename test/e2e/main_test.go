// Package e2e_test runs the built webhook against a real API server, with the real kubectl: what a
// person or Flux sees when the guard is installed from manifests/.
package e2e_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// update writes golden files instead of comparing with them. Read them before you commit them.
var update = flag.Bool("update", false, "write golden files")

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
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	log.SetLogger(logr.Discard())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	root, err := cluster.Root()
	if err != nil {
		return 1, err
	}
	crds, err := cluster.CRDs()
	if err != nil {
		return 1, err
	}
	shared, err = cluster.Start(ctx, cluster.Options{CRDs: crds, Audit: cluster.AuditPolicy(), WorkDir: root})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.Stop()) }()
	guard, err = shared.StartWebhook(ctx, cluster.WebhookOptions{Policy: []byte(testPolicy)})
	if err != nil {
		return 1, err
	}
	// these were there before the guard came
	for _, ns := range []string{"bad-metadata", "bad-status", "bad-deletion", "bad-finalizer", "bad-suspend", "bad-fix"} {
		if err := seed(ctx, root, ns); err != nil {
			return 1, err
		}
	}
	if err := guard.Register(ctx); err != nil {
		return 1, err
	}
	code = m.Run()
	_, err = webhookRequests()
	return code, err
}

// seed creates the incident in a namespace of its own.
func seed(ctx context.Context, root, namespace string) error {
	for _, args := range [][]string{
		{"create", "namespace", namespace},
		{"create", "-n", namespace, "-f", filepath.Join(root, "test/e2e/testdata/bad.yaml")},
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
