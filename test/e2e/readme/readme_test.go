package readme_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

const (
	version   = "v0.1.0" // that the pages name
	namespace = "spegel-guard"
	incident  = "examples/incident.yaml"
)

// TestTheInstallOfTheREADME goes from a cluster without the guard to a refused release.
func TestTheInstallOfTheREADME(t *testing.T) {
	layer := release(t)
	kubectl(t, "create", "namespace", "flux-system")
	apply(t, block(t, "README.md", "yaml", "kind: OCIRepository"))
	if err := flux.Pull(t.Context(), "flux-system", "spegel-guard", layer); err != nil {
		t.Fatal(err)
	}
	reconciled(t, "spegel-guard", "False", "dependency 'flux-system/cert-manager' not found")
	certManagerByFlux(t)
	eventually(t, "the certificate's authority is in every entry of the webhook configuration", func() bool {
		r := clustertest.Kubectl(t, shared, "get", "validatingwebhookconfiguration", "spegel-guard", "-o", "jsonpath={.webhooks[*].clientConfig.caBundle}")
		return r.ExitCode == 0 && len(strings.Fields(r.Output)) == 3
	})
	runPods(t)
	reconciled(t, "spegel-guard", "True", "")

	_, answer, _ := strings.Cut(block(t, "README.md", "console", "$ kubectl apply -f "+incident), "\n")
	refused(t, answer, "apply", "-f", incident)
	refused(t, "[private-registry-mirrored]", "apply", "--dry-run=server", "-f", "examples/private-host.yaml") // by the policy in the patch
	kubectl(t, "apply", "--dry-run=server", "-f", "examples/corrected.yaml")

	withoutAPod(t)
}

// release packs the manifests and pushes them, both as the workflow of a release does, and returns what source-controller would
// take out of the artifact.
func release(t *testing.T) []byte {
	t.Helper()
	registry, err := cluster.StartRegistry(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = registry.Close() }()
	dir := t.TempDir()
	run(t, ".ci/manifests", version, "ghcr.io/spegel-guard/spegel-guard", "sha256:"+strings.Repeat("ab", 32), dir)
	digest := run(t, ".ci/push", version, strings.Repeat("0", 40), dir, registry.Host()+"/spegel-guard/manifests/spegel-guard")
	if !regexp.MustCompile(`^sha256:[0-9a-f]{64}\n$`).MatchString(digest) {
		t.Errorf(".ci/push prints %q, want the digest", digest)
	}
	layer, err := registry.Layer(version)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// run runs a script of the repository and returns its standard output.
func run(t *testing.T, script string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, script), args...)
	cmd.Stderr = new(bytes.Buffer)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, cmd.Stderr)
	}
	return string(out)
}

// certManagerByFlux makes the Kustomization that installs cert-manager elsewhere: here it only has to be ready.
func certManagerByFlux(t *testing.T) {
	t.Helper()
	if err := flux.Push(t.Context(), "flux-system", "infra", map[string]string{
		"note.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cert-manager-is-there, namespace: flux-system}\n",
	}); err != nil {
		t.Fatal(err)
	}
	apply(t, `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: cert-manager, namespace: flux-system}
spec: {interval: 1h, prune: true, path: ./, sourceRef: {kind: GitRepository, name: infra}}
`)
	reconciled(t, "cert-manager", "True", "")
	reconcile(t, "spegel-guard")
}

// runPods does what the deployment controller and the kubelet do: it runs two replicas with the Secret and the ConfigMap that the
// Deployment mounts, and says in its status that they are ready.
func runPods(t *testing.T) {
	t.Helper()
	var secret struct{ Data map[string][]byte }
	var policy struct{ Data map[string]string }
	decode(t, &secret, "-n", namespace, "get", "secret", "spegel-guard-tls")
	decode(t, &policy, "-n", namespace, "get", "configmap", "spegel-guard-policy")
	balancer, err := shared.Balance(t.Context(), namespace, "spegel-guard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(balancer.Close)
	for range 2 {
		w, err := shared.StartWebhook(t.Context(), cluster.WebhookOptions{
			Manifests: filepath.Join(root, "manifests", "base"), Policy: []byte(policy.Data["policy.yaml"]), TLS: secret.Data, InService: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Kill)
		balancer.Add(w)
		eventually(t, "a replica is ready", func() bool { return balancer.Ready(w) })
	}
	var deployment struct{ Metadata struct{ Generation int } }
	decode(t, &deployment, "-n", namespace, "get", "deployment", "spegel-guard")
	kubectl(t, "-n", namespace, "patch", "deployment", "spegel-guard", "--subresource=status", "--type=merge", "-p", fmt.Sprintf(`{"status": {
		"observedGeneration": %d, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "conditions": [
			{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
			{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]}}`, deployment.Metadata.Generation))
}

// decode decodes what kubectl gets.
func decode(t *testing.T, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(kubectl(t, append(args, "-o", "json")...)), into); err != nil {
		t.Fatal(err)
	}
}

// withoutAPod takes the webhook away, and installs the CEL policies as docs/install.md says.
func withoutAPod(t *testing.T) {
	t.Helper()
	kubectl(t, "-n", "flux-system", "patch", "kustomization", "spegel-guard", "--type=merge", "-p", `{"spec": {"suspend": true}}`)
	kubectl(t, "delete", "validatingwebhookconfiguration", "spegel-guard")
	apply(t, block(t, "docs/install.md", "yaml", "name: spegel-guard-cel"))
	reconciled(t, "spegel-guard-cel", "True", "")
	eventually(t, "the private registries of the patch are in force", func() bool {
		r := clustertest.Kubectl(t, shared, "apply", "--dry-run=server", "-f", "examples/private-host.yaml")
		return r.ExitCode != 0 && strings.Contains(r.Output, "[private-registry-mirrored]")
	})
	_, answer, _ := strings.Cut(block(t, "docs/install.md", "console", "$ kubectl create -f "+incident), "\n")
	refused(t, answer, "create", "-f", incident)
}
