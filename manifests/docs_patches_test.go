package manifests_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/test/page"
)

// patched builds base and components with the patches that a document shows.
func patched(t *testing.T, document, target string, components ...string) install {
	t.Helper()
	for _, block := range page.Blocks(documents(t)[document], "yaml") {
		if strings.HasPrefix(block, "patches:") && strings.Contains(block, target) {
			return build(t, kustomizationOf("base", components...)+"\n"+block, nil)
		}
	}
	t.Fatalf("%s shows no patches for %s", document, target)
	return nil
}

// The kubelet starts no pod without each folder, so where containerd lies elsewhere none may be left of another layout.
func TestThePatchesForNodesMountTheirFolders(t *testing.T) {
	t.Parallel()
	const agent, ingest = "/var/lib/rancher/k3s/agent/", "containerd/io.containerd.content.v1.content/ingest"
	common := []string{"/etc/hosts", "/etc/resolv.conf", "/etc/ssl/certs", "/var/log"}
	for patch, own := range map[string][]string{
		"rancher/k3s": {agent + "etc/containerd", agent + ingest}, "value: /etc/cri": {"/etc/cri", "/var/lib/" + ingest},
		"seLinuxOptions": {"/etc/containerd", "/var/lib/" + ingest, "/etc/pki"}, "name: docker": {"/etc/containerd", "/var/lib/" + ingest, "/etc/docker/certs.d"},
	} {
		ds, c := nodeDoctor(t, patched(t, "docs/doctor.md", patch, "node-doctor"))
		if got, want := onlyReadsFolders(t, ds, c), append(slices.Clone(common), own...); !slices.Equal(got, want) {
			t.Errorf("with %s it mounts %q, want %q", patch, got, want)
		}
		if own := c.SecurityContext.SELinuxOptions; patch == "seLinuxOptions" && (own == nil || own.Type != "spc_t") {
			t.Errorf("SELinux confines it still: %v", own)
		}
	}
}

// Whoever runs the image needs the login for it, in each of the namespaces.
func TestThePatchForALoginReachesEveryAccount(t *testing.T) {
	t.Parallel()
	in := patched(t, "docs/install.md", "imagePullSecrets", "cert-manager", "audit", "node-doctor")
	found := 0
	for _, object := range in {
		if account, ok := object.(*corev1.ServiceAccount); ok {
			found++
			if !slices.Equal(account.ImagePullSecrets, []corev1.LocalObjectReference{{Name: "registry-login"}}) {
				t.Errorf("account %s/%s pulls with %v", account.Namespace, account.Name, account.ImagePullSecrets)
			}
		}
	}
	if found != 3 {
		t.Errorf("%d accounts, want those of the webhook, audit and node-doctor", found)
	}
}

// AKS would leave kube-system out of what is reviewed.
func TestThePatchForAKSLabelsTheWebhook(t *testing.T) {
	t.Parallel()
	in := patched(t, "docs/platforms.md", "admissions.enforcer", "cert-manager")
	if got := the[*admissionregistrationv1.ValidatingWebhookConfiguration](t, in, "spegel-guard").Labels["admissions.enforcer/disabled"]; got != "true" {
		t.Errorf("the label is %q", got)
	}
}

// OpenShift chooses user and group. What makes the pod restricted stays.
func TestThePatchForOpenShiftNamesNoUser(t *testing.T) {
	t.Parallel()
	in := patched(t, "docs/platforms.md", "runAsUser", "cert-manager")
	want := deployment(t, render(t, ".")).Spec.Template.Spec.SecurityContext
	want.RunAsUser, want.RunAsGroup, want.FSGroup = nil, nil, nil
	if diff := cmp.Diff(want, deployment(t, in).Spec.Template.Spec.SecurityContext); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
