package manifests_test

import (
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// bothCELComponents are the components that need no pod.
const bothCELComponents = "components: [../manifests/components/validating-admission-policy, ../manifests/components/daemonset-policy]"

// All that the API server is told but the expressions, which have tests of their own.
func TestCELPoliciesPolicies(t *testing.T) {
	t.Parallel()
	releases := admissionregistrationv1.Rule{
		APIGroups: []string{helmv2.GroupVersion.Group}, APIVersions: []string{helmv2.GroupVersion.Version},
		Resources: []string{resourceOf(helmv2.HelmReleaseKind)}, Scope: new(admissionregistrationv1.NamespacedScope),
	}
	daemonSets := admissionregistrationv1.Rule{
		APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"daemonsets"}, Scope: new(admissionregistrationv1.NamespacedScope),
	}
	in := build(t, bothCELComponents, nil)
	for name, rule := range map[string]admissionregistrationv1.Rule{
		"spegel-guard": releases, "spegel-guard-warnings": releases,
		"spegel-guard-daemonsets": daemonSets, "spegel-guard-daemonsets-warnings": daemonSets,
	} {
		got := the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, name).Spec
		for _, v := range got.Validations {
			// 422 Invalid, the default, makes Flux delete the release
			if v.Reason == nil || *v.Reason != metav1.StatusReasonForbidden || v.Message == "" || v.MessageExpression == "" {
				t.Errorf("%s: %s: reason, message or messageExpression is not what it has to be", name, v.Expression)
			}
		}
		got.Validations, got.Variables, got.MatchConditions = nil, nil, nil
		want := admissionregistrationv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: new(admissionregistrationv1.Ignore), // an error is 422 as well
			ParamKind:     &admissionregistrationv1.ParamKind{APIVersion: "v1", Kind: "ConfigMap"},
			MatchConstraints: &admissionregistrationv1.MatchResources{
				MatchPolicy: new(admissionregistrationv1.Equivalent),
				ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
					RuleWithOperations: admissionregistrationv1.RuleWithOperations{
						Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
						Rule:       rule,
					},
				}},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestCELPoliciesBindings(t *testing.T) {
	t.Parallel()
	in := build(t, bothCELComponents, nil)
	parameter := the[*corev1.ConfigMap](t, in, "spegel-guard-private-registries")
	withParameter := &admissionregistrationv1.ParamRef{
		Name: parameter.Name, Namespace: parameter.Namespace, ParameterNotFoundAction: new(admissionregistrationv1.AllowAction),
	}
	deny, warn := admissionregistrationv1.Deny, admissionregistrationv1.Warn
	for name, want := range map[string]admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
		"spegel-guard":                    {PolicyName: "spegel-guard", ValidationActions: []admissionregistrationv1.ValidationAction{deny}},
		"spegel-guard-private-registries": {PolicyName: "spegel-guard", ValidationActions: []admissionregistrationv1.ValidationAction{deny}, ParamRef: withParameter},
		"spegel-guard-warnings":           {PolicyName: "spegel-guard-warnings", ValidationActions: []admissionregistrationv1.ValidationAction{warn}, ParamRef: withParameter},

		"spegel-guard-daemonsets":                    {PolicyName: "spegel-guard-daemonsets", ValidationActions: []admissionregistrationv1.ValidationAction{deny}},
		"spegel-guard-daemonsets-private-registries": {PolicyName: "spegel-guard-daemonsets", ValidationActions: []admissionregistrationv1.ValidationAction{deny}, ParamRef: withParameter},
		"spegel-guard-daemonsets-warnings":           {PolicyName: "spegel-guard-daemonsets-warnings", ValidationActions: []admissionregistrationv1.ValidationAction{warn}, ParamRef: withParameter},
	} {
		if diff := cmp.Diff(want, the[*admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, in, name).Spec); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// Alone and beside the webhook it is the same objects, and alone it is nothing else.
func TestCELPoliciesAloneAndBesideTheWebhook(t *testing.T) {
	t.Parallel()
	names := func(in install) (out []string) {
		for _, o := range in {
			out = append(out, fmt.Sprintf("%s %s/%s", o.GetObjectKind().GroupVersionKind().Kind, o.GetNamespace(), o.GetName()))
		}
		return out
	}
	alone, without, with := names(build(t, celPoliciesAlone, nil)), names(render(t, "base")), names(render(t, "base", "validating-admission-policy"))
	if both := build(t, bothCELComponents, nil); len(both) != len(alone)+5 {
		t.Errorf("%d objects with the DaemonSets' policies, want 5 more than %d", len(both), len(alone))
	}
	if len(alone) != 6 || len(with) != len(without)+6 {
		t.Errorf("%d objects alone, %d without and %d with it, want 6 more:\n%s", len(alone), len(without), len(with), strings.Join(alone, "\n"))
	}
	// a folder that is a component is built as it stands, too: kubectl apply -k, or the path of a Flux Kustomization
	if diff := cmp.Diff(alone, names(buildFolder(t, "/manifests/components/validating-admission-policy", "", nil))); diff != "" {
		t.Errorf("the folder itself (-component +folder):\n%s", diff)
	}
}

// The policies know of no registry until they are told, and the examples are fit to be told.
func TestCELPoliciesSampleRegistries(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	sample := the[*corev1.ConfigMap](t, build(t, celPoliciesAlone, nil), "spegel-guard-private-registries").Data["privateRegistries"]
	object := list("https://registry.example.ts.net", "https://a.internal.example.com", "https://harbor.example.com:8443")
	for text, problems := range map[string]string{sample: "", strings.ReplaceAll(sample, "# ", ""): "(3 problems)"} {
		said, err := policies.review(t.Context(), object, text)
		if err != nil {
			t.Fatal(err)
		}
		if (problems == "") != (said.denied == "") || !strings.Contains(said.denied, problems) || len(said.warnings) > 0 {
			t.Errorf("with\n%s\ndenied %q, warnings %q", text, said.denied, said.warnings)
		}
	}
}
