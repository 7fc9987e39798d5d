package manifests_test

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func auditJob(t *testing.T, in install) batchv1.CronJobSpec {
	t.Helper()
	return the[*batchv1.CronJob](t, in, "spegel-guard-audit").Spec
}

// What an audit reads and writes, and not one verb more.
func TestAuditPermissions(t *testing.T) {
	t.Parallel()
	own := []string{
		"create events.events.k8s.io", "create policyreports.wgpolicyk8s.io", "delete policyreports.wgpolicyk8s.io",
		"get configmaps", "get helmcharts.source.toolkit.fluxcd.io", "get ocirepositories.source.toolkit.fluxcd.io",
		"list controllerrevisions.apps", "list daemonsets.apps", "list helmreleases.helm.toolkit.fluxcd.io", "list pods",
		"list policyreports.wgpolicyk8s.io", "update policyreports.wgpolicyk8s.io",
	}
	withSecrets := append(append([]string{}, own[:6]...), append([]string{"get secrets"}, own[6:]...)...)
	tests := map[string]struct {
		components []string
		want       []string
	}{
		"by itself":                   {[]string{"audit"}, own},
		"with read-secrets behind it": {[]string{"audit", "read-secrets"}, withSecrets},
		"with read-secrets before it": {[]string{"read-secrets", "audit"}, withSecrets},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := render(t, "base", test.components...)
			account := auditJob(t, in).JobTemplate.Spec.Template.Spec.ServiceAccountName
			if diff := cmp.Diff(test.want, permissionsOf(t, in, "spegel-guard", account)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The arguments, and what stands around the container to make them true.
func TestAuditFitsProgram(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "audit")
	job := auditJob(t, in).JobTemplate.Spec
	pod := job.Template.Spec
	args := pod.Containers[0].Args
	value := func(flag string) string {
		for _, arg := range args {
			if v, ok := strings.CutPrefix(arg, "--"+flag+"="); ok {
				return v
			}
		}
		t.Fatalf("no argument --%s", flag)
		return ""
	}
	timeout, err := time.ParseDuration(value("timeout"))
	if err != nil {
		t.Fatal(err)
	}
	labels := metav1.LabelSelector{MatchLabels: job.Template.Labels}
	webhook := deployment(t, in).Spec.Template
	var egress, webhooks []networkingv1.NetworkPolicyEgressRule
	egress = the[*networkingv1.NetworkPolicy](t, in, "spegel-guard-audit").Spec.Egress
	webhooks = the[*networkingv1.NetworkPolicy](t, in, "spegel-guard").Spec.Egress
	tests := map[string]struct{ got, want any }{
		"it audits": {args[0], "audit"},
		"it judges by the policy of the webhook": {
			[]any{pod.Volumes[0].ConfigMap, pod.Containers[0].VolumeMounts[0].MountPath},
			[]any{mountedAt(t, in, path.Dir(argument(t, in, "config"))).ConfigMap, path.Dir(value("config"))},
		},
		"it runs the webhook's image":           {pod.Containers[0].Image, webhook.Spec.Containers[0].Image},
		"the program gives up before the job":   {time.Duration(*job.ActiveDeadlineSeconds)*time.Second > timeout, true},
		"a denied release is not tried again":   {*job.BackoffLimit, int32(0)},
		"the token is mounted":                  {pod.AutomountServiceAccountToken, new(true)},
		"its NetworkPolicy means its own pods":  {the[*networkingv1.NetworkPolicy](t, in, "spegel-guard-audit").Spec.PodSelector, labels},
		"it may reach what the webhook reaches": {egress, webhooks},
		"nothing may reach it":                  {the[*networkingv1.NetworkPolicy](t, in, "spegel-guard-audit").Spec.Ingress, []networkingv1.NetworkPolicyIngressRule(nil)},
		"it is no replica of the webhook": {
			job.Template.Labels["app.kubernetes.io/component"] == webhook.Labels["app.kubernetes.io/component"], false,
		},
		"it is restricted, and its root is not written to": {pod.Containers[0].SecurityContext, webhook.Spec.Containers[0].SecurityContext},
		"its pod is restricted": {
			pod.SecurityContext, &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), RunAsUser: new(int64(65532)), RunAsGroup: new(int64(65532)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		},
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
