package audit_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// releaseIn is a HelmRelease spegel with more in its spec, in a namespace of its own.
func releaseIn(namespace, more string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: %[1]s}
spec:
  interval: 1h
  chart: {spec: {chart: spegel, version: 0.7.4, sourceRef: {kind: HelmRepository, name: spegel}}}
%[2]s---
`, namespace, more)
}

// daemonSetIn is what helm-controller makes of that release with these mirrors: the labels, annotations and arguments
// of the chart.
func daemonSetIn(namespace, strategy string, mirrors ...string) string {
	args := []string{"configuration", "--log-level=INFO", "--containerd-registry-config-path=/etc/containerd/certs.d"}
	if len(mirrors) > 0 {
		args = append(append(args, "--mirrored-registries"), mirrors...)
	}
	args = append(args, "--mirror-targets", "http://$(NODE_IP):30020", "--resolve-tags=true", "--prepend-existing=false")
	return fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: spegel
  namespace: %[1]s
  labels:
    app.kubernetes.io/name: spegel
    app.kubernetes.io/instance: spegel
    app.kubernetes.io/managed-by: Helm
    helm.toolkit.fluxcd.io/name: spegel
    helm.toolkit.fluxcd.io/namespace: %[1]s
  annotations: {meta.helm.sh/release-name: spegel, meta.helm.sh/release-namespace: %[1]s}
spec:
  updateStrategy: {type: %[2]s}
  selector: {matchLabels: {app.kubernetes.io/name: spegel, app.kubernetes.io/instance: spegel}}
  template:
    metadata: {labels: {app.kubernetes.io/name: spegel, app.kubernetes.io/instance: spegel}}
    spec:
      tolerations: [{operator: Exists}]
      initContainers: [{name: configuration, image: "ghcr.io/spegel-org/spegel:v0.7.4", args: [%[3]s]}]
      containers: [{name: registry, image: "ghcr.io/spegel-org/spegel:v0.7.4", args: [registry, "--router-addr=:5001"]}]
---
`, namespace, strategy, `"`+strings.Join(args, `", "`)+`"`)
}

// node makes a node that the DaemonSet controller makes pods for.
func nodes(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		apply(t, "apiVersion: v1\nkind: Node\nmetadata: {name: "+name+"}\n")
	}
	t.Cleanup(func() { kubectl(t, "", append([]string{"delete", "node"}, names...)...) })
}

// rolledOut waits until the DaemonSet controller has seen the current template and counts so many pods of it.
func rolledOut(t *testing.T, namespace string, desired, updated int32) {
	t.Helper()
	eventually(t, "the controller has made the pods of "+namespace+"/spegel", func() bool {
		var ds appsv1.DaemonSet
		if err := yaml.Unmarshal([]byte(kubectl(t, "", "-n", namespace, "get", "daemonset", "spegel", "-o", "yaml")), &ds); err != nil {
			t.Fatal(err)
		}
		s := ds.Status
		return s.ObservedGeneration == ds.Generation && s.DesiredNumberScheduled == desired && s.UpdatedNumberScheduled == updated
	})
}

// runPods does to the pods of a namespace what the scheduler and the kubelet would do.
func runPods(t *testing.T, namespace string) {
	t.Helper()
	for pod := range strings.FieldsSeq(kubectl(t, "", "-n", namespace, "get", "pods", "-o", "name")) {
		kubectl(t, "", "-n", namespace, "patch", pod, "--subresource=status", "--type=merge", "-p",
			`{"status":{"phase":"Running","conditions":[{"type":"Initialized","status":"True"},{"type":"Ready","status":"True"}]}}`)
	}
}
