package manifests_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// The restricted Pod Security standard, and a root file system that nobody writes to.
func TestDeploymentIsRestricted(t *testing.T) {
	t.Parallel()
	in := render(t, ".")
	pod := deployment(t, in).Spec.Template.Spec.SecurityContext
	want := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	if diff := cmp.Diff(want, container(t, in).SecurityContext); diff != "" {
		t.Errorf("container: -want +got:\n%s", diff)
	}
	wantPod := &corev1.PodSecurityContext{
		RunAsNonRoot:   new(true),
		RunAsUser:      new(int64(65532)),
		RunAsGroup:     new(int64(65532)),
		FSGroup:        new(int64(65532)),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(wantPod, pod); diff != "" {
		t.Errorf("pod: -want +got:\n%s", diff)
	}
	namespace := the[*corev1.Namespace](t, in, deployment(t, in).Namespace)
	if level := namespace.Labels["pod-security.kubernetes.io/enforce"]; level != "restricted" {
		t.Errorf("the namespace enforces %q, want restricted", level)
	}
}
