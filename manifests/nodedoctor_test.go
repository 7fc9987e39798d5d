package manifests_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

const nodeDoctorName = "spegel-guard-node-doctor"

// nodeDoctor is the DaemonSet and its only container.
func nodeDoctor(t *testing.T, in install) (*appsv1.DaemonSet, corev1.Container) {
	t.Helper()
	ds := the[*appsv1.DaemonSet](t, in, nodeDoctorName)
	if n := len(ds.Spec.Template.Spec.Containers); n != 1 {
		t.Fatalf("%d containers, want 1", n)
	}
	return ds, ds.Spec.Template.Spec.Containers[0]
}

func argumentOf(t *testing.T, c corev1.Container, flag string) string {
	t.Helper()
	for _, arg := range c.Args {
		if value, ok := strings.CutPrefix(arg, "--"+flag+"="); ok {
			return value
		}
	}
	t.Fatalf("the container has no argument --%s", flag)
	return ""
}

// The arguments, and what stands around the container to make them true.
func TestNodeDoctorFitsProgram(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "node-doctor")
	ds, c := nodeDoctor(t, in)
	pod := ds.Spec.Template.Spec
	config := argumentOf(t, c, "config")
	policy := the[*corev1.ConfigMap](t, in, "spegel-guard-node-policy")
	netpol := the[*networkingv1.NetworkPolicy](t, in, nodeDoctorName)

	tests := map[string]struct{ got, want any }{
		"it is doctor":                            {c.Args[0], "doctor"},
		"the port is the one that is served":      {argumentOf(t, c, "metrics-bind-address"), address(c.Ports[0].ContainerPort)},
		"the probe asks a port that is served":    {c.LivenessProbe.HTTPGet.Port.StrVal, c.Ports[0].Name},
		"the policy file is a key":                {policy.Data[path.Base(config)] != "", true},
		"the webhook's image":                     {c.Image, container(t, in).Image},
		"the selector means the pods":             {ds.Spec.Selector.MatchLabels, ds.Spec.Template.Labels},
		"the network policy means the pods":       {netpol.Spec.PodSelector.MatchLabels, ds.Spec.Template.Labels},
		"metrics are let in":                      {netpol.Spec.Ingress[0].Ports[0].Port.StrVal, c.Ports[0].Name},
		"it runs on every node":                   {pod.Tolerations, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}},
		"it asks the node's resolver":             {pod.DNSPolicy, corev1.DNSDefault},
		"it has no token":                         {pod.AutomountServiceAccountToken, new(false)},
		"the account is there":                    {the[*corev1.ServiceAccount](t, in, pod.ServiceAccountName).Namespace, ds.Namespace},
		"its memory is bounded":                   {c.Resources.Limits.Memory().IsZero(), false},
		"its CPU is bounded":                      {c.Resources.Limits.Cpu().IsZero(), false},
		"all of it shares a namespace":            {[]string{policy.Namespace, netpol.Namespace}, []string{ds.Namespace, ds.Namespace}},
		"the labels are not those of the webhook": {cmp.Equal(ds.Spec.Template.Labels, deployment(t, in).Spec.Template.Labels), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A pod that sees the node's files must not be able to change them, or anything else.
func TestNodeDoctorOnlyReads(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "node-doctor")
	ds, c := nodeDoctor(t, in)
	pod := ds.Spec.Template.Spec
	want := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"DAC_READ_SEARCH"}},
	}
	if diff := cmp.Diff(want, c.SecurityContext); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod shares a namespace of the node's kernel")
	}
	onlyReadsFolders(t, ds, c)
	for _, object := range in {
		if b, ok := object.(*rbacv1.ClusterRoleBinding); ok && b.Subjects[0].Name == pod.ServiceAccountName {
			t.Errorf("%s gives the account rights", b.Name)
		}
	}
	namespace := the[*corev1.Namespace](t, in, ds.Namespace)
	if level := namespace.Labels["pod-security.kubernetes.io/enforce"]; level != "privileged" {
		t.Errorf("the namespace enforces %q: pods with hostPath need privileged", level)
	}
	if ds.Namespace == deployment(t, in).Namespace {
		t.Error("it shares the webhook's namespace, which is restricted")
	}
}

// Registries and DNS are all that it may connect to.
func TestNodeDoctorConnectsToRegistriesAndDNSOnly(t *testing.T) {
	t.Parallel()
	netpol := the[*networkingv1.NetworkPolicy](t, render(t, "base", "node-doctor"), nodeDoctorName)
	var ports []string
	for _, rule := range netpol.Spec.Egress {
		if len(rule.Ports) == 0 {
			t.Error("a rule without ports is for all of them")
		}
		for _, p := range rule.Ports {
			ports = append(ports, p.Port.String()+"/"+string(*p.Protocol))
		}
	}
	if want := []string{"53/UDP", "53/TCP", "443/TCP"}; !slices.Equal(ports, want) {
		t.Errorf("ports %q, want %q", ports, want)
	}
}

// Prometheus finds the pods by what the PodMonitor of the other component says.
func TestPodMonitorFindsNodeDoctor(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "node-doctor", "monitoring")
	ds, c := nodeDoctor(t, in)
	monitor := the[*unstructured.Unstructured](t, onlyKind(in, "PodMonitor"), nodeDoctorName)
	if job := monitor.GetNamespace() + "/" + monitor.GetName(); job != nodeDoctorJob {
		t.Errorf("its job is %s, and rules and dashboard pick %s", job, nodeDoctorJob)
	}
	selector, _, _ := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
	if diff := cmp.Diff(ds.Spec.Template.Labels, selector); diff != "" {
		t.Errorf("selector (-pods +it):\n%s", diff)
	}
	namespaces, _, _ := unstructured.NestedStringSlice(monitor.Object, "spec", "namespaceSelector", "matchNames")
	if !slices.Equal(namespaces, []string{ds.Namespace}) {
		t.Errorf("it looks in %q", namespaces)
	}
	endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "podMetricsEndpoints")
	if len(endpoints) != 1 || endpoints[0].(map[string]any)["port"] != c.Ports[0].Name {
		t.Errorf("endpoints %v", endpoints)
	}
}

// What the checks read on a node with containerd as a service of its own is mounted.
func TestNodeDoctorSeesWhatChecksRead(t *testing.T) {
	t.Parallel()
	ds, _ := nodeDoctor(t, render(t, "base", "node-doctor"))
	elsewhere := []string{"/etc/cri/", "/etc/k0s/", "/etc/pki/", "/var/lib/k0s/", "/var/lib/rancher/", "/var/snap/"} // docs/doctor.md says how
	for _, folder := range elsewhere {
		if !strings.Contains(documents(t)["docs/doctor.md"], strings.Trim(folder, "/")) {
			t.Errorf("docs/doctor.md has no word of %s", folder)
		}
	}
	for _, c := range node.Checks() {
		reads, _, _ := strings.Cut(c.Page, "**Why it matters**")
		for word := range strings.FieldsSeq(reads) {
			name := strings.Trim(word, "`,;:.")
			if !strings.HasPrefix(name, "/etc/") && !strings.HasPrefix(name, "/var/") || slices.ContainsFunc(elsewhere, func(folder string) bool { return strings.HasPrefix(name+"/", folder) }) {
				continue
			}
			if !slices.ContainsFunc(ds.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool { // no more than what is read of it
				return v.HostPath != nil && (strings.HasPrefix(name+"/", v.HostPath.Path+"/") || strings.HasPrefix(v.HostPath.Path, name+"/"))
			}) {
				t.Errorf("%s reads %s, which no volume holds", c.ID, name)
			}
		}
	}
}

// onlyReadsFolders wants each folder of the node mounted read-only at its own path, and made by nobody.
func onlyReadsFolders(t *testing.T, ds *appsv1.DaemonSet, c corev1.Container) (folders []string) {
	t.Helper()
	root := argumentOf(t, c, "node-root")
	for i := range ds.Spec.Template.Spec.Volumes {
		v := &ds.Spec.Template.Spec.Volumes[i]
		if v.HostPath == nil {
			continue
		}
		if v.HostPath.Type == nil || *v.HostPath.Type != corev1.HostPathDirectory && *v.HostPath.Type != corev1.HostPathFile {
			t.Errorf("%s: the kubelet or the runtime could make it on the node", v.Name)
		}
		if p := v.HostPath.Path; strings.Count(p, "/") < 2 || strings.HasPrefix(p, "/var/lib") && !strings.Contains(p, "containerd") {
			t.Errorf("%s: %s holds more than the checks read", v.Name, p)
		}
		at := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name })
		if at < 0 || !c.VolumeMounts[at].ReadOnly || c.VolumeMounts[at].MountPath != root+v.HostPath.Path {
			t.Errorf("%s is not mounted read-only below %s at its own path", v.Name, root)
		}
		folders = append(folders, v.HostPath.Path)
	}
	return folders
}
