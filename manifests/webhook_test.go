package manifests_test

import (
	"slices"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
)

// What the API server is told, in full: each field here is a promise of the project's. The conditions have tests of
// their own. No entry has a caBundle, whatever the component: who fills it in does so for all of them.
func TestWebhookConfiguration(t *testing.T) {
	t.Parallel()
	to := func(name, path, group, version, resource string, policy admissionregistrationv1.FailurePolicyType, seconds int32) admissionregistrationv1.ValidatingWebhook {
		return admissionregistrationv1.ValidatingWebhook{
			Name: name,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{
				Namespace: "spegel-guard", Name: "spegel-guard", Path: &path, Port: new(int32(443)),
			}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{group}, APIVersions: []string{version}, Resources: []string{resource},
					Scope: new(admissionregistrationv1.NamespacedScope),
				},
			}},
			FailurePolicy:           &policy,
			MatchPolicy:             new(admissionregistrationv1.Equivalent),
			SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          &seconds,
			AdmissionReviewVersions: []string{"v1"},
		}
	}
	notOurOwn := func(w admissionregistrationv1.ValidatingWebhook) admissionregistrationv1.ValidatingWebhook {
		w.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"spegel-guard"}},
		}}
		return w
	}
	helm, releases := helmv2.GroupVersion, resourceOf(helmv2.HelmReleaseKind)
	want := []admissionregistrationv1.ValidatingWebhook{
		to(failsClosed, admission.Path, helm.Group, helm.Version, releases, admissionregistrationv1.Fail, 5),
		to(bestEffort, admission.Path, helm.Group, helm.Version, releases, admissionregistrationv1.Ignore, 2),
		notOurOwn(to(configMaps, admission.ConfigMapPath, "", "v1", "configmaps", admissionregistrationv1.Ignore, 2)),
	}
	withSecrets := append(slices.Clone(want), notOurOwn(to(secrets, admission.SecretPath, "", "v1", "secrets", admissionregistrationv1.Ignore, 2)))
	withDaemonSets := append(slices.Clone(want), to(daemonSets, admission.DaemonSetPath, "apps", "v1", "daemonsets", admissionregistrationv1.Ignore, 2))
	for name, test := range map[string]struct {
		in   install
		want []admissionregistrationv1.ValidatingWebhook
	}{
		"the default":            {render(t, "."), want},
		"self-signed":            {render(t, "base", "self-signed"), want},
		"match-all":              {render(t, "base", "match-all"), want},
		"read-secrets":           {render(t, "base", "read-secrets"), withSecrets},
		"daemonset":              {render(t, "base", "cert-manager", "daemonset"), withDaemonSets},
		"daemonset, self-signed": {render(t, "base", "daemonset", "self-signed"), withDaemonSets},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			configuration := the[*admissionregistrationv1.ValidatingWebhookConfiguration](t, test.in, "spegel-guard")
			to := service(t, test.in)
			for i := range configuration.Webhooks {
				configuration.Webhooks[i].MatchConditions = nil
				if called := configuration.Webhooks[i].ClientConfig.Service; called.Name != to.Name || called.Namespace != to.Namespace {
					t.Errorf("%s calls %s/%s, which the install does not have", configuration.Webhooks[i].Name, called.Namespace, called.Name)
				}
			}
			if diff := cmp.Diff(test.want, configuration.Webhooks); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// One name that differs, and the API server answers every review with an x509 error.
func TestCertificateFitsWebhook(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "cert-manager")
	configuration := the[*admissionregistrationv1.ValidatingWebhookConfiguration](t, in, "spegel-guard")
	serving := the[*certmanagerv1.Certificate](t, in, "spegel-guard-tls")
	ca := the[*certmanagerv1.Certificate](t, in, "spegel-guard-ca")
	servingIssuer := the[*certmanagerv1.Issuer](t, in, serving.Spec.IssuerRef.Name)
	caIssuer := the[*certmanagerv1.Issuer](t, in, ca.Spec.IssuerRef.Name)
	called := configuration.Webhooks[0].ClientConfig.Service

	tests := map[string]struct{ got, want any }{
		"the certificate is for the name that the API server calls": {
			serving.Spec.DNSNames, []string{called.Name + "." + called.Namespace + ".svc"},
		},
		"its Secret is the one that the Deployment mounts": {
			serving.Spec.SecretName, mountedAt(t, in, argument(t, in, "cert-dir")).Secret.SecretName,
		},
		"certificate, pods and Service share a namespace": {
			[]string{serving.Namespace, deployment(t, in).Namespace}, []string{called.Namespace, called.Namespace},
		},
		"the CA is injected from the serving certificate": {
			configuration.Annotations[certmanagerv1.WantInjectAnnotation], serving.Namespace + "/" + serving.Name,
		},
		"the serving certificate is signed by the CA": {
			servingIssuer.Spec.CA.SecretName, ca.Spec.SecretName,
		},
		"the CA is signed by itself": {
			[]bool{ca.Spec.IsCA, caIssuer.Spec.SelfSigned != nil}, []bool{true, true},
		},
		"issuers and certificates share a namespace": {
			[]string{servingIssuer.Namespace, caIssuer.Namespace, ca.Namespace},
			[]string{serving.Namespace, serving.Namespace, serving.Namespace},
		},
		"no certificate outlives the CA that signed it": {
			ca.Spec.RenewBefore.Duration >= serving.Spec.Duration.Duration, true,
		},
		"a renewed CA verifies what the old one signed, since it keeps its key; the serving key is new each time": {
			[]certmanagerv1.PrivateKeyRotationPolicy{
				ca.Spec.PrivateKey.RotationPolicy, serving.Spec.PrivateKey.RotationPolicy,
			},
			[]certmanagerv1.PrivateKeyRotationPolicy{
				certmanagerv1.RotationPolicyNever, certmanagerv1.RotationPolicyAlways,
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
