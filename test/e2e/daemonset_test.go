package e2e_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// daemonSetsNamespace is the only one whose DaemonSets are reviewed here.
const daemonSetsNamespace = "daemonsets"

// chartArguments are what the init container of a chart is told, with LIST in place of the list, and the flag of that.
var chartArguments = map[string][2]string{
	"v0-0-28": {"configuration --log-level=INFO --containerd-registry-config-path=/etc/containerd/certs.d LIST " +
		"--mirror-registries http://$(NODE_IP):30020 http://$(NODE_IP):30021 --resolve-tags=true --append-mirrors=false", "--registries"},
	"v0-1-0": {"configuration --log-level=INFO --containerd-registry-config-path=/etc/containerd/certs.d LIST " +
		"--mirror-targets http://$(NODE_IP):30020 http://$(NODE_IP):30021 --resolve-tags=true --prepend-existing=false", "--mirrored-registries"},
	"v0-4-0": {"configuration --log-level=INFO --containerd-registry-config-path=/etc/containerd/certs.d LIST " +
		"--mirror-targets http://$(NODE_IP):30020 --resolve-tags=true --prepend-existing=false", "--mirrored-registries"},
	"v0-7-4": {"configuration --log-level=INFO --containerd-registry-config-path=/etc/cri/conf.d/hosts LIST " +
		"--mirror-targets http://$(NODE_IP):29999 --resolve-tags=true --prepend-existing=false", "--mirrored-registries"},
}

// daemonSetOf is a DaemonSet as a chart makes it.
func daemonSetOf(name, chart string, list ...string) string {
	arguments, flag := chartArguments[chart][0], chartArguments[chart][1]
	if len(list) > 0 {
		list = append([]string{flag}, list...)
	}
	var args []string
	for arg := range strings.FieldsSeq(strings.Replace(arguments, "LIST", strings.Join(list, " "), 1)) {
		args = append(args, fmt.Sprintf("%q", arg))
	}
	return `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ` + name + `
  namespace: ` + daemonSetsNamespace + `
  labels: {helm.toolkit.fluxcd.io/name: spegel, helm.toolkit.fluxcd.io/namespace: ` + daemonSetsNamespace + `}
spec:
  selector: {matchLabels: {app: ` + name + `}}
  template:
    metadata: {labels: {app: ` + name + `}}
    spec:
      initContainers:
        - name: configuration
          image: ghcr.io/spegel-org/spegel
          args: [` + strings.Join(args, ", ") + `]
          env: [{name: NODE_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]
      containers:
        - {name: registry, image: ghcr.io/spegel-org/spegel, args: [registry, "--router-addr=:5001"]}
`
}

// reviewDaemonSets registers the entry of components/daemonset for one namespace, as others have Spegel's DaemonSets too.
func reviewDaemonSets(t *testing.T) {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := cluster.RenderComponents(filepath.Join(root, "manifests"), "cert-manager", "daemonset")
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := rendered.WebhookConfiguration()
	if err != nil {
		t.Fatal(err)
	}
	configuration.Name = "spegel-guard-daemonsets"
	configuration.Webhooks = slices.DeleteFunc(configuration.Webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool {
		return w.Name != "daemonsets.spegel-guard.dev"
	})
	entry := &configuration.Webhooks[0]
	url := guard.URL() + *entry.ClientConfig.Service.Path
	entry.ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: guard.CA()}
	entry.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": daemonSetsNamespace}}
	entry.FailurePolicy = new(admissionregistrationv1.Fail) // so that a call that fails is no pass
	entry.TimeoutSeconds = new(int32(10))
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configuration)
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.Apply(t.Context(), &unstructured.Unstructured{Object: content}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the API server calls the entry for DaemonSets", func() bool {
		result := kubectlInput(t, daemonSetOf("probe", "v0-7-4"), "create", "--dry-run=server", "-f", "-")
		return result.ExitCode != 0
	})
}

// refusedDaemonSet fails the test unless the guard refused for a rule.
func refusedDaemonSet(t testing.TB, result cluster.Result, rule string) string {
	t.Helper()
	if result.ExitCode == 0 || !strings.Contains(result.Output, "(Forbidden)") || !strings.Contains(result.Output, "["+rule+"]") ||
		!strings.Contains(result.Output, `admission webhook "daemonsets.spegel-guard.dev" denied the request: Spegel would `) {
		t.Fatalf("kubectl ended with status %d; want a refusal for %s\n%s", result.ExitCode, rule, result.Output)
	}
	return result.Output
}

// TestDaemonSets has kubectl write the DaemonSets of four charts in every way that it has.
func TestDaemonSets(t *testing.T) {
	t.Parallel()
	const docker, private = "https://docker.io", "https://registry.example.ts.net"
	ns := namespace(t, daemonSetsNamespace)
	// this one was there before the component came
	accepted(t, kubectlInput(t, daemonSetOf("old", "v0-7-4", private, "https://harbor.example.com:8443"), "create", "-f", "-"))
	reviewDaemonSets(t)
	for chart := range chartArguments {
		t.Run(chart, func(t *testing.T) {
			t.Parallel()
			const rule = "private-registry-mirrored"
			good, bad := daemonSetOf(chart, chart, docker), daemonSetOf(chart, chart, docker, private)
			none := map[bool]string{true: "invalid-mirror-url", false: "empty-mirror-list"}[chart == "v0-0-28"] // where it does not start without one
			for _, verb := range [][]string{{"create"}, {"create", "--dry-run=server"}, {"apply"}, {"apply", "--server-side"}, {"apply", "--server-side", "--dry-run=server"}} {
				refusedDaemonSet(t, kubectlInput(t, bad, append(verb, "-f", "-")...), rule)
				refusedDaemonSet(t, kubectlInput(t, daemonSetOf(chart, chart), append(verb, "-f", "-")...), none)
			}
			out := accepted(t, kubectlInput(t, good, "create", "--save-config", "-f", "-"))
			for _, verb := range [][]string{{"apply"}, {"apply", "--dry-run=server"}, {"apply", "--server-side", "--force-conflicts"}, {"replace"}} {
				refusedDaemonSet(t, kubectlInput(t, bad, append(verb, "-f", "-")...), rule)
			}
			refusedDaemonSet(t, kubectl(t, "-n", ns, "patch", "daemonset", chart, "--type=json", "-p",
				`[{"op":"add","path":"/spec/template/spec/initContainers/0/args/5","value":"`+private+`"}]`), rule)
			out += accepted(t, kubectl(t, "-n", ns, "rollout", "restart", "daemonset/"+chart))
			out += accepted(t, kubectl(t, "-n", ns, "label", "daemonset", chart, "a=b"))
			if strings.Contains(out, "Warning") {
				t.Errorf("a good one is warned of:\n%s", out)
			}
		})
	}
	t.Run("one that was bad before", func(t *testing.T) {
		t.Parallel()
		out := accepted(t, kubectl(t, "-n", ns, "rollout", "restart", "daemonset/old"))
		if strings.Count(out, "Warning: private-registry-mirrored: --mirrored-registries of container configuration: ") != 2 {
			t.Errorf("no warnings:\n%s", out)
		}
		accepted(t, kubectlInput(t, daemonSetOf("old", "v0-7-4", private), "replace", "-f", "-")) // one of two faults
		refusedDaemonSet(t, kubectlInput(t, daemonSetOf("old", "v0-7-4", private, "_default"), "replace", "-f", "-"), "wildcard-mirror")
		accepted(t, kubectlInput(t, daemonSetOf("old", "v0-7-4", docker), "replace", "-f", "-"))
		refusedDaemonSet(t, kubectlInput(t, daemonSetOf("old", "v0-7-4", private), "replace", "-f", "-"), "private-registry-mirrored")
		accepted(t, kubectl(t, "-n", ns, "delete", "daemonset", "old", "--timeout=20s"))
	})
	t.Run("a release whose values can't be read, and its DaemonSet", func(t *testing.T) {
		t.Parallel()
		text := accepted(t, kubectlInput(t, secretRelease(ns), "create", "-f", "-"))
		text += refusedDaemonSet(t, kubectlInput(t, daemonSetOf("spegel", "v0-7-4", docker, private), "create", "-f", "-"), "private-registry-mirrored")
		golden(t, "daemonset.txt", text)
	})
}
