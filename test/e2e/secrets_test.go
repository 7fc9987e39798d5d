package e2e_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// secretsNamespace is where the webhook may read Secrets, while TestReadSecrets runs.
const secretsNamespace = "with-secrets"

// TestReadSecrets grants what components/read-secrets grants. Then a Secret decides, and nothing of it shows
// but the private host. It is not parallel: the grant is for the whole cluster.
func TestReadSecrets(t *testing.T) {
	ns := namespace(t, secretsNamespace)
	const canary = "hunter2"
	accepted(t, kubectlInput(t, `apiVersion: v1
kind: Secret
metadata: {name: spegel-values}
stringData:
  values.yaml: |
    spegel:
      mirroredRegistries: [https://docker.io, "https://robot:hunter2@registry.example.ts.net", "hunter2/x"]
`, "-n", ns, "apply", "-f", "-"))
	manifest := secretRelease(ns)

	// without the grant, the Secret is unresolved
	out := accepted(t, kubectlInput(t, manifest, "-n", ns, "create", "--dry-run=server", "-f", "-"))
	if want := "Warning: unresolved: valuesFrom Secret with-secrets/spegel-values key values.yaml: not permitted to read"; !strings.Contains(out, want) {
		t.Errorf("no warning %q:\n%s", want, out)
	}

	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	grant, err := cluster.RenderComponents(filepath.Join(root, "manifests"), "read-secrets")
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.Apply(t.Context(), grant.OfKind("ClusterRole", "ClusterRoleBinding")...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, kind := range []string{"clusterrolebinding", "clusterrole"} {
			if r, err := shared.Kubectl(ctx, "delete", kind, "spegel-guard-read-secrets"); err != nil || r.ExitCode != 0 {
				t.Errorf("take the grant back: %v %s", err, r.Output)
			}
		}
	})
	var dryRun string // which is admitted, as the Secret may change along with the release
	eventually(t, "the grant takes effect", func() bool {
		dryRun = accepted(t, kubectlInput(t, manifest, "-n", ns, "create", "-f", "-", "--dry-run=server"))
		return strings.Contains(dryRun, "Warning: private-registry-mirrored: ")
	})
	result := kubectlInput(t, manifest, "-n", ns, "create", "-f", "-")
	clustertest.Golden(t, "testdata/golden/secret.txt", refused(t, result, "private-registry-mirrored", "invalid-mirror-url"))
	resp, err := http.Get(guard.MetricsURL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	events := accepted(t, kubectl(t, "get", "events", "-A", "-o", "yaml"))
	for where, text := range map[string]string{"answer": result.Output, "warnings": dryRun, "log": guard.Logs(), "metrics": string(metrics), "events": events} {
		if strings.Contains(text, canary) {
			t.Errorf("the %s shows something of the Secret", where)
		}
	}
}
