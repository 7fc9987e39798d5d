// Package flux_test has the real kustomize-controller apply repositories past the guard, and past the CEL policies: what
// stands in a Kustomization's condition, what is applied and what is not, and that no refusal makes Flux delete a release. It
// has a control plane of its own, because it stops the webhook and changes its policy.
package flux_test

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

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// update writes golden files instead of comparing with them. Read them before you commit them.
var update = flag.Bool("update", false, "write golden files")

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
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "flux:", err)
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
	if shared, err = cluster.Start(ctx, cluster.Options{CRDs: crds, WorkDir: root}); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.Stop()) }()
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
	config := shared.Config()
	config.QPS = -1
	if api, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func kubectl(t *testing.T, args ...string) cluster.Result {
	t.Helper()
	return kubectlInput(t, "", args...)
}

// kubectlInput hands a manifest to kubectl on standard input.
func kubectlInput(t *testing.T, manifest string, args ...string) cluster.Result {
	t.Helper()
	result, err := shared.KubectlInput(t.Context(), strings.NewReader(manifest), args...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// accepted fails the test unless kubectl succeeded; the output is what it printed.
func accepted(t *testing.T, result cluster.Result) string {
	t.Helper()
	if result.ExitCode != 0 {
		t.Fatalf("kubectl ended with status %d; want it accepted\n%s", result.ExitCode, result.Output)
	}
	return result.Output
}

// namespace makes a namespace that goes with the cluster.
func namespace(t *testing.T, name string) string {
	t.Helper()
	accepted(t, kubectl(t, "create", "namespace", name))
	return name
}

// eventually polls for up to 20 seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within 20 seconds: %s\n%s", what, guard.Logs())
}

// setPolicy replaces the policy file and waits until the webhook says that it has seen it.
func setPolicy(t *testing.T, policy string) {
	t.Helper()
	before := strings.Count(guard.Logs(), `"msg":"policy`)
	if err := guard.WritePolicy([]byte(policy)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the policy is taken over", func() bool { return strings.Count(guard.Logs(), `"msg":"policy`) > before })
}

// golden compares text with a file of testdata/golden; -update writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
