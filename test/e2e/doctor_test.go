package e2e_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// outcome is one check in doctor's JSON report.
type outcome struct {
	Check, Status, Fix string
	Evidence           []string
}

// doctor runs the built program and returns what each check found.
func doctor(t *testing.T, args ...string) (checks map[string]outcome, output string) {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".cache/bin/spegel-guard"), append([]string{"doctor", "-o", "json"}, args...)...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("doctor: %v", err)
	}
	var report struct{ Checks []outcome }
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checks = map[string]outcome{}
	for _, c := range report.Checks {
		checks[c.Check] = c
	}
	return checks, string(out)
}

// saw fails the test unless the check has the status and its evidence and fix hold the pieces.
func (o outcome) saw(t *testing.T, status string, pieces ...string) {
	t.Helper()
	text := strings.Join(o.Evidence, "\n") + "\n" + o.Fix
	if o.Status != status {
		t.Errorf("%s: %s; want %s\n%s", o.Check, o.Status, status, text)
	}
	for _, p := range pieces {
		if !strings.Contains(text, p) {
			t.Errorf("%s does not say %q:\n%s", o.Check, p, text)
		}
	}
}

const doctorObjects = `apiVersion: v1
kind: ServiceAccount
metadata: {name: default}
imagePullSecrets: [{name: pull}]
---
apiVersion: v1
kind: Secret
metadata: {name: pull}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '{"auths": {"127.0.0.1:1": {"username": "robot", "password": "canary-canary"}}}'}
---
apiVersion: v1
kind: Secret
metadata: {name: unnamed}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '{"auths": {"127.0.0.2:1": {"username": "robot", "password": "canary-canary"}}}'}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: spegel}
spec:
  selector: {matchLabels: {app: doctors-spegel}}
  template:
    metadata: {labels: {app: doctors-spegel}}
    spec:
      initContainers:
        - name: configuration
          image: example.com/spegel
          args: [configuration, --containerd-registry-config-path=/etc/containerd/certs.d, --mirrored-registries, "https://docker.io", --mirror-targets, "http://$(NODE_IP):30020"]
      containers: [{name: registry, image: example.com/spegel, args: [registry, "--router-addr=:5001"]}]
`

// made is what the DaemonSet controller makes; no controller runs here.
const made = `apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: spegel-1, labels: {app: doctors-spegel, controller-revision-hash: one}, ownerReferences: [OWNER]}
revision: 1
data: {}
---
apiVersion: v1
kind: Pod
metadata: {name: spegel-a, labels: {app: doctors-spegel, controller-revision-hash: one}, ownerReferences: [OWNER]}
spec:
  nodeName: doctors-node
  initContainers:
    - {name: configuration, image: example.com/spegel, args: [configuration, --containerd-registry-config-path=/etc/containerd/certs.d, --mirrored-registries, "https://docker.io", --mirror-targets, "http://$(NODE_IP):30020"]}
  containers: [{name: registry, image: example.com/spegel}]
`

// next is what it makes of a template that has changed.
const next = `apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: spegel-2, labels: {app: doctors-spegel, controller-revision-hash: two}, ownerReferences: [OWNER]}
revision: 2
data: {}
`

// TestDoctorAsksTheCluster has the built doctor ask a real API server: a rollout that is done, and then one
// that is not; pull secrets with and without an account; and what a user without rights is told.
// It is not parallel: doctor looks at all DaemonSets of the cluster, and TestDaemonSets makes some.
func TestDoctorAsksTheCluster(t *testing.T) {
	ns := namespace(t, "doctor")
	accepted(t, kubectlInput(t, doctorObjects, "-n", ns, "apply", "-f", "-"))
	uid := accepted(t, kubectl(t, "-n", ns, "get", "daemonset", "spegel", "-o", "jsonpath={.metadata.uid}"))
	owner := `{apiVersion: apps/v1, kind: DaemonSet, name: spegel, controller: true, uid: ` + uid + `}`
	accepted(t, kubectlInput(t, strings.ReplaceAll(made, "OWNER", owner), "-n", ns, "create", "-f", "-"))
	status := func(kind, name, patch string) {
		accepted(t, kubectl(t, "-n", ns, "patch", kind, name, "--subresource=status", "--type=merge", "-p", patch))
	}
	status("pod", "spegel-a", `{"status": {"conditions": [{"type": "Initialized", "status": "True"}]}}`)
	status("daemonset", "spegel", `{"status": {"observedGeneration": 1, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": 1}}`)

	node := t.TempDir()
	for name, text := range map[string]string{
		"etc/hostname":                                "doctors-node\n",
		"etc/containerd/config.toml":                  "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d'\n",
		"etc/containerd/certs.d/docker.io/hosts.toml": "server = 'https://registry-1.docker.io'\n[host.'http://192.0.2.1:30020']\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(node, name)), 0o700), os.WriteFile(filepath.Join(node, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--node-root", node, "--kubeconfig", shared.Kubeconfig(), "--namespace", ns, "--private-registry", "127.0.0.1:1", "--private-registry", "127.0.0.2:1"}

	checks, output := doctor(t, args...)
	checks["rollout"].saw(t, "pass", "DaemonSet doctor/spegel: 1 of 1 nodes have a pod of the current template")
	checks["mirror-config"].saw(t, "pass", "(as /etc/containerd/config.toml says)", "the folders are those of Spegel's list")
	checks["pull-secret"].saw(t, "warn", "Secret pull has credentials for 127.0.0.1:1; ServiceAccounts that name it: default",
		"Secret unnamed has credentials for 127.0.0.2:1, and no ServiceAccount of namespace doctor names it", "kubectl -n doctor patch serviceaccount default")
	if strings.Contains(output, "canary") || strings.Contains(output, "robot") {
		t.Errorf("doctor prints credentials:\n%s", output)
	}

	// the list changes, and the node's pod is of the old one
	accepted(t, kubectl(t, "-n", ns, "patch", "daemonset", "spegel", "--type=json", "-p",
		`[{"op": "replace", "path": "/spec/template/spec/initContainers/0/args/3", "value": "https://ghcr.io"}]`))
	checks, _ = doctor(t, args...)
	checks["rollout"].saw(t, "warn", "its controller has not come to the current template yet")
	accepted(t, kubectlInput(t, strings.ReplaceAll(next, "OWNER", owner), "-n", ns, "create", "-f", "-"))
	status("daemonset", "spegel", `{"status": {"observedGeneration": 2, "updatedNumberScheduled": 0}}`)
	checks, _ = doctor(t, args...)
	checks["rollout"].saw(t, "fail", "an old pod runs on doctors-node", "kubectl -n doctor rollout restart ds/spegel")

	kubeconfig, err := shared.ServiceAccountKubeconfig(ns, "nobody")
	if err != nil {
		t.Fatal(err)
	}
	checks, _ = doctor(t, "--node-root", node, "--kubeconfig", kubeconfig, "--namespace", ns, "--private-registry", "127.0.0.1:1")
	checks["rollout"].saw(t, "skip", "forbidden")
	checks["pull-secret"].saw(t, "skip", "can't be read", "forbidden")
	checks["mirror-config"].saw(t, "pass", "not compared with Spegel's list")
}
