package manifests_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Every selector means the pods of the Deployment. All are the same two labels, so that a pod of the project with another
// task (same name, other component) is never taken for a replica of the webhook.
func TestSelectorsMeanTheWebhooksPods(t *testing.T) {
	t.Parallel()
	in := render(t, ".")
	spec := deployment(t, in).Spec
	want := metav1.LabelSelector{MatchLabels: spec.Template.Labels}
	tests := map[string]metav1.LabelSelector{
		"Deployment":          *spec.Selector,
		"Service":             {MatchLabels: service(t, in).Spec.Selector},
		"PodDisruptionBudget": *the[*policyv1.PodDisruptionBudget](t, in, "spegel-guard").Spec.Selector,
		"NetworkPolicy":       the[*networkingv1.NetworkPolicy](t, in, "spegel-guard").Spec.PodSelector,
		"spread over nodes":   *spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector,
	}
	for name, got := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("differs from the labels of the pods (-want +got):\n%s", diff)
			}
		})
	}
}

// A selector reaches no further than its own namespace.
func TestSelectorsActInTheNamespaceOfThePods(t *testing.T) {
	t.Parallel()
	in := render(t, ".")
	tests := map[string]string{
		"Service":             service(t, in).Namespace,
		"PodDisruptionBudget": the[*policyv1.PodDisruptionBudget](t, in, "spegel-guard").Namespace,
		"NetworkPolicy":       the[*networkingv1.NetworkPolicy](t, in, "spegel-guard").Namespace,
	}
	for name, got := range tests {
		if want := deployment(t, in).Namespace; got != want {
			t.Errorf("%s is in namespace %q, want %q", name, got, want)
		}
	}
}

// A port that is served and not let in looks like a webhook that is down.
func TestNetworkPolicyLetsInWhatIsServed(t *testing.T) {
	t.Parallel()
	in := render(t, ".")
	var served, let []string
	for _, port := range container(t, in).Ports {
		served = append(served, port.Name)
	}
	for _, rule := range the[*networkingv1.NetworkPolicy](t, in, "spegel-guard").Spec.Ingress {
		for _, port := range rule.Ports {
			let = append(let, port.Port.StrVal)
		}
	}
	slices.Sort(served)
	slices.Sort(let)
	if diff := cmp.Diff(served, let); diff != "" {
		t.Errorf("-served +let in:\n%s", diff)
	}
}

// Nobody knows the API server's address beforehand: see the comment in networkpolicy.yaml.
func TestNetworkPolicyKnowsNoAddressOfTheAPIServer(t *testing.T) {
	t.Parallel()
	spec := the[*networkingv1.NetworkPolicy](t, render(t, "."), "spegel-guard").Spec
	for _, rule := range spec.Ingress {
		for _, port := range rule.Ports {
			if port.Port.StrVal == "webhook" && len(rule.From) > 0 {
				t.Errorf("ingress to the webhook is limited to %v", rule.From)
			}
		}
	}
	for _, rule := range spec.Egress {
		if len(rule.To) > 0 {
			t.Errorf("egress is limited to %v", rule.To)
		}
	}
}
