package manifests_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
)

// What listens on the node is what the Service and the kubelet ask, and on no port that other programs are known to use.
func TestHostNetworkPorts(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "cert-manager", "host-network")
	called := servicePort(t, in, *entry(t, in, failsClosed).ClientConfig.Service.Port, "")
	for name, test := range map[string]struct{ got, want string }{
		"the API server": {argument(t, in, "webhook-port"), strconv.Itoa(int(containerPort(t, in, called.TargetPort.StrVal)))},
		"Prometheus":     {argument(t, in, "metrics-bind-address"), address(containerPort(t, in, servicePort(t, in, 0, "metrics").TargetPort.StrVal))},
		"liveness":       {probed(t, in, container(t, in).LivenessProbe), "/healthz " + argument(t, in, "health-probe-bind-address")},
		"readiness":      {probed(t, in, container(t, in).ReadinessProbe), "/readyz " + argument(t, in, "health-probe-bind-address")},
	} {
		if test.got != test.want {
			t.Errorf("%s is led to %q, want %q", name, test.got, test.want)
		}
	}
	taken := []int32{8080, 8081, 9443, 10250, 10260}
	for _, port := range container(t, in).Ports {
		if slices.Contains(taken, port.ContainerPort) || port.ContainerPort < 1024 || port.ContainerPort >= 30000 {
			t.Errorf("port %d may be taken on a node, or need a capability", port.ContainerPort)
		}
	}
}

// The namespace has to allow the node's network, and nothing else of the pod is laxer than before.
func TestHostNetworkChangesNothingElse(t *testing.T) {
	t.Parallel()
	in, base := render(t, "base", "host-network"), render(t, "base")
	for _, mode := range []string{"enforce", "audit", "warn"} {
		if got := the[*corev1.Namespace](t, in, "spegel-guard").Labels["pod-security.kubernetes.io/"+mode]; got != "privileged" {
			t.Errorf("the namespace says %s: %q; the node's network needs privileged", mode, got)
		}
	}
	pod, was := deployment(t, in).Spec.Template.Spec, deployment(t, base).Spec.Template.Spec
	if !pod.HostNetwork || pod.DNSPolicy != corev1.DNSClusterFirstWithHostNet {
		t.Errorf("hostNetwork %t, dnsPolicy %q", pod.HostNetwork, pod.DNSPolicy)
	}
	if diff := cmp.Diff(was, pod,
		cmpopts.IgnoreFields(corev1.PodSpec{}, "HostNetwork", "DNSPolicy"),
		cmpopts.IgnoreFields(corev1.Container{}, "Args", "Ports"),
	); diff != "" {
		t.Errorf("-base +host-network:\n%s", diff)
	}
	// Two replicas on two nodes: a third would find each port taken.
	if update := deployment(t, in).Spec.Strategy.RollingUpdate; update.MaxSurge.IntValue() != 0 || update.MaxUnavailable.IntValue() != 1 {
		t.Errorf("an update starts %v more and takes %v away", update.MaxSurge, update.MaxUnavailable)
	}
}
