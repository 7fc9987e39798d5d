package install_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// TestPodSecurity has the API server's own PodSecurity admission judge a Pod made from the Deployment's template, in the
// namespace of the manifests: for the base with each component and each two, as far as their templates differ.
func TestPodSecurity(t *testing.T) {
	install(t, "manifests/base")
	judged := map[string]bool{}
	for _, components := range pairs(componentNames(t)) {
		if slices.Contains(components, "cert-manager") && slices.Contains(components, "self-signed") {
			continue // does not build: each provides the certificate
		}
		if slices.Contains(components, "host-network") {
			continue // TestPodSecurityOfTheHostNetwork
		}
		manifests, err := cluster.RenderComponents(filepath.Join(root, "manifests"), components...)
		if err != nil {
			t.Fatal(err)
		}
		deployment, err := manifests.Deployment()
		if err != nil {
			t.Fatal(err)
		}
		text := deployment.Spec.Template.String()
		if judged[text] {
			continue
		}
		judged[text] = true
		t.Run("base+"+strings.Join(components, "+"), func(t *testing.T) {
			if err := createPod(t, deployment, nil); err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("%d different templates", len(judged))
}

// TestPodSecurityOfTheHostNetwork has the API server take a pod of components/host-network in the namespace that comes with it.
func TestPodSecurityOfTheHostNetwork(t *testing.T) {
	manifests, err := cluster.RenderComponents(filepath.Join(root, "manifests"), "host-network")
	if err != nil {
		t.Fatal(err)
	}
	deployment, err := manifests.Deployment()
	if err != nil {
		t.Fatal(err)
	}
	install(t, "manifests/base")
	if err := createPod(t, deployment, nil); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "hostNetwork=true") {
		t.Errorf("want a refusal for hostNetwork in the namespace of base, got %v", err)
	}
	dir, err := cluster.Overlay(t.TempDir(), filepath.Join(root, "manifests"), "host-network")
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, kubectl(t, "apply", "--server-side", "--force-conflicts", "-k", dir))
	if err := createPod(t, deployment, nil); err != nil {
		t.Error(err)
	}
}

// TestPodSecurityRefuses shows that the namespace enforces what TestPodSecurity relies on.
func TestPodSecurityRefuses(t *testing.T) {
	install(t, "manifests/base")
	manifests, err := cluster.Render(filepath.Join(root, "manifests/base"))
	if err != nil {
		t.Fatal(err)
	}
	deployment, err := manifests.Deployment()
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*corev1.PodSpec){
		"privileged": func(p *corev1.PodSpec) {
			p.Containers[0].SecurityContext.Privileged = new(true)
			p.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil // the two exclude each other
		},
		"seccompProfile":            func(p *corev1.PodSpec) { p.SecurityContext.SeccompProfile = nil },
		"runAsNonRoot != true":      func(p *corev1.PodSpec) { p.SecurityContext.RunAsNonRoot = nil },
		"unrestricted capabilities": func(p *corev1.PodSpec) { p.Containers[0].SecurityContext.Capabilities = nil },
		"hostPath": func(p *corev1.PodSpec) {
			p.Volumes[0].VolumeSource = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
		},
	} {
		t.Run(want, func(t *testing.T) {
			err := createPod(t, deployment, change)
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `violates PodSecurity "restricted`) || !strings.Contains(err.Error(), want) {
				t.Errorf("want a refusal for %q, got %v", want, err)
			}
		})
	}
}

// createPod sends the Pod that the Deployment's controllers would make, with a change, and the token volume that
// ServiceAccount admission adds: this control plane runs without that.
func createPod(t *testing.T, deployment *appsv1.Deployment, change func(*corev1.PodSpec)) error {
	t.Helper()
	template := deployment.Spec.Template.DeepCopy()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: deployment.Name + "-", Namespace: deployment.Namespace,
			Labels: template.Labels, Annotations: template.Annotations,
		},
		Spec: template.Spec,
	}
	if token := template.Spec.AutomountServiceAccountToken; token != nil && *token {
		const volume = "kube-api-access"
		seconds := int64(3607)
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
			Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: &seconds, Path: "token"}},
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}}},
			}},
		}})
		pod.Spec.Containers[0].VolumeMounts = append(pod.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{
			Name: volume, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true,
		})
	}
	if change != nil {
		change(&pod.Spec)
	}
	return newClient(t).Create(t.Context(), pod, client.DryRunAll)
}

func componentNames(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "manifests/components"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// pairs returns every set of up to two names, the empty one first.
func pairs(names []string) [][]string {
	sets := [][]string{nil}
	for i, one := range names {
		sets = append(sets, []string{one})
		for _, other := range names[i+1:] {
			sets = append(sets, []string{one, other})
		}
	}
	return sets
}
