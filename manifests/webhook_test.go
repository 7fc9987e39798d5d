package manifests_test

import (
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
)

// What the API server is told, in full: each field here is a promise of the project's. The conditions have tests of
// their own.
func TestWebhookConfiguration(t *testing.T) {
	t.Parallel()
	in := render(t, ".")
	got := webhook(t, in)
	got.MatchConditions = nil
	want := admissionregistrationv1.ValidatingWebhook{
		Name: "helmreleases.spegel-guard.dev",
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			Service: &admissionregistrationv1.ServiceReference{
				Namespace: service(t, in).Namespace,
				Name:      service(t, in).Name,
				Path:      new(admission.Path),
				Port:      new(int32(443)),
			},
		},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{
				admissionregistrationv1.Create, admissionregistrationv1.Update,
			},
			Rule: admissionregistrationv1.Rule{
				APIGroups:   []string{helmv2.GroupVersion.Group},
				APIVersions: []string{helmv2.GroupVersion.Version},
				Resources:   []string{resourceOf(helmv2.HelmReleaseKind)},
				Scope:       new(admissionregistrationv1.NamespacedScope),
			},
		}},
		FailurePolicy:           new(admissionregistrationv1.Fail),
		MatchPolicy:             new(admissionregistrationv1.Equivalent),
		SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
		TimeoutSeconds:          new(int32(5)),
		AdmissionReviewVersions: []string{"v1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
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
