// Package install_test installs the manifests as they stand, the webhook's Service included, into a real API server, and
// runs replicas of the built program behind a balancer: what an operator sees through restarts, renewals and failures.
package install_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// The Service has the name of its namespace, and so has the webhook configuration; dnsName is what the API server asks for.
const (
	service = "spegel-guard"
	dnsName = service + "." + service + ".svc"
)

// The control plane is shared. There is one webhook configuration in it, so no test here is parallel.
var (
	shared *cluster.Cluster
	root   string
)

func TestMain(m *testing.M) {
	os.Exit(clustertest.Run(cluster.Options{Services: true}, func(_ context.Context, c *cluster.Cluster) (code int, err error) {
		shared = c
		if root, err = cluster.Root(); err != nil {
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

// eventually polls for up to 30 seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	clustertest.Eventually(t, 30*time.Second, what, ok)
}

// install applies a kustomization of the repository, as "kubectl apply -k" does, and takes it away when the test ends.
func install(t *testing.T, kustomization string) {
	t.Helper()
	dir := filepath.Join(root, kustomization)
	// The objects of cluster scope: no controller empties a namespace here, and what is in it hurts no other test.
	t.Cleanup(func() {
		_, _ = shared.Kubectl(context.WithoutCancel(t.Context()), "delete", "validatingwebhookconfiguration", service, "--ignore-not-found")
	})
	accepted(t, kubectl(t, "apply", "--server-side", "--force-conflicts", "-k", dir))
	r, err := shared.KubectlInput(t.Context(), strings.NewReader(badValues), "apply", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, r)
}

// start starts a replica that serves with this Secret and has the manifests' own shutdown delay.
func start(t *testing.T, secret map[string][]byte, policy string) *cluster.Webhook {
	t.Helper()
	w, err := shared.StartWebhook(t.Context(), cluster.WebhookOptions{
		Manifests: filepath.Join(root, "manifests/base"), Policy: []byte(policy), TLS: secret, InService: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Kill)
	return w
}

// balance puts replicas behind the Service and waits until they get connections.
func balance(t *testing.T, replicas ...*cluster.Webhook) *cluster.Balancer {
	t.Helper()
	b, err := shared.Balance(t.Context(), service, service)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	for _, w := range replicas {
		b.Add(w)
		eventually(t, "the replica is ready", func() bool { return b.Ready(w) })
	}
	return b
}
