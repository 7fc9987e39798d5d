// Package audit_test runs the built program's audit against a real API server that has no guard: releases from
// before it came, and DaemonSets whose pods and revisions the real DaemonSet controller makes.
package audit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// The control plane, the arguments of the CronJob, and the kubeconfig of its account, are shared. No test is
// parallel: an audit sees the whole cluster.
var (
	shared     *cluster.Cluster
	jobArgs    []string
	kubeconfig string
	binary     string
)

const (
	// auditor is who the audit is for the API server.
	auditor    = "system:serviceaccount:spegel-guard:spegel-guard-audit"
	testPolicy = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [registry.example.ts.net]\n"
)

func TestMain(m *testing.M) {
	os.Exit(clustertest.Run(cluster.Options{Audit: cluster.AuditPolicy()}, func(ctx context.Context, c *cluster.Cluster) (code int, err error) {
		shared = c
		root, err := cluster.Root()
		if err != nil {
			return 1, err
		}
		binary = filepath.Join(root, ".cache", "bin", "spegel-guard")
		if err := shared.StartDaemonSetController(); err != nil {
			return 1, err
		}
		if err := install(ctx, root); err != nil {
			return 1, err
		}
		return m.Run(), nil
	}))
}

// install grants what the component grants, and finds what its CronJob runs.
func install(ctx context.Context, root string) error {
	manifests, err := cluster.RenderComponents(filepath.Join(root, "manifests"), "audit")
	if err != nil {
		return err
	}
	if err := shared.Apply(ctx, manifests.OfKind("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding")...); err != nil {
		return err
	}
	for _, job := range manifests.OfKind("CronJob") {
		containers, _, err := unstructured.NestedSlice(job.Object, "spec", "jobTemplate", "spec", "template", "spec", "containers")
		if err != nil {
			return err
		}
		jobArgs, _, err = unstructured.NestedStringSlice(containers[0].(map[string]any), "args")
		if err != nil {
			return err
		}
	}
	policy := filepath.Join(shared.Dir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(testPolicy), 0o600); err != nil {
		return err
	}
	for i, arg := range jobArgs {
		if strings.HasPrefix(arg, "--config=") {
			jobArgs[i] = "--config=" + policy
		}
	}
	kubeconfig, err = shared.ServiceAccountKubeconfig("spegel-guard", "spegel-guard-audit")
	return err
}

// result is how a run of the program ended.
type result struct {
	stdout, stderr string
	code           int
}

// webhook runs the program with the rights of the component's account.
func webhook(t *testing.T, args ...string) result {
	t.Helper()
	return webhookAs(t, kubeconfig, args...)
}

func webhookAs(t *testing.T, kubeconfig string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, append(args, "--kubeconfig="+kubeconfig)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// kubectl fails the test unless it succeeds.
func kubectl(t *testing.T, manifest string, args ...string) string {
	t.Helper()
	r, err := shared.KubectlInput(context.WithoutCancel(t.Context()), strings.NewReader(manifest), args...)
	if err != nil {
		t.Fatal(err)
	}
	if r.ExitCode != 0 {
		t.Fatalf("kubectl %s: status %d\n%s", strings.Join(args, " "), r.ExitCode, r.Output)
	}
	return r.Output
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	kubectl(t, manifest, "apply", "--server-side", "-f", "-")
}

// eventually polls for up to a minute.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	clustertest.Eventually(t, time.Minute, what, ok)
}
