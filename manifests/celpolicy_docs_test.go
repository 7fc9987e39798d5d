package manifests_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
	"github.com/spegel-guard/spegel-guard/test/page"
)

// kustomizationIn returns the first kustomization of a page that names the component and holds this, for a folder
// beside this one.
func kustomizationIn(t *testing.T, name, holds string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, yaml := range page.Blocks(string(text), "yaml") {
		if strings.Contains(yaml, "components: [upstream/components/validating-admission-policy") && strings.Contains(yaml, holds) {
			return strings.ReplaceAll(yaml, "upstream/", "../manifests/")
		}
	}
	t.Fatalf("%s shows no such kustomization", name)
	return ""
}

func TestCELPoliciesInstallInTheGuide(t *testing.T) {
	t.Parallel()
	in := build(t, kustomizationIn(t, "../docs/install.md", "patches:"), nil)
	got := the[*corev1.ConfigMap](t, in, "spegel-guard-private-registries").Data
	want := map[string]string{"privateRegistries": "registry.example.ts.net\n*.internal.example.com"}
	if diff := cmp.Diff(want, got); diff != "" || len(in) != len(build(t, celPoliciesAlone, nil)) {
		t.Errorf("%d objects; the ConfigMap holds (-want +got):\n%s", len(in), diff)
	}
}

func TestCELPoliciesRuleTurnedOffAsDocumented(t *testing.T) {
	t.Parallel()
	in := build(t, strings.Replace(kustomizationIn(t, "../docs/validating-admission-policy.md", "patches:"), "policy]",
		"policy, ../manifests/components/daemonset-policy]", 1), nil) // the patch is for one of them
	policies := celPolicies{
		denies: newEvaluator(t, the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, "spegel-guard")),
		warns:  newEvaluator(t, the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, "spegel-guard-warnings")),
	}
	for _, test := range []struct {
		object map[string]any
		denied bool
	}{{list(), false}, {list("*"), true}} {
		said, err := policies.review(t.Context(), test.object)
		if err != nil {
			t.Fatal(err)
		}
		if (said.denied != "") != test.denied {
			t.Errorf("denied %q, want a denial: %t", said.denied, test.denied)
		}
	}
}

func TestDaemonSetRuleTurnedOffAsDocumented(t *testing.T) {
	t.Parallel()
	policies := daemonSetPolicies(t, kustomizationIn(t, "../docs/daemonset.md", "path: /spec/variables"))
	for entry, denied := range map[string]bool{"": false, "_default": true} {
		c := parity.DaemonSet{Pod: parity.ChartPod("v0.7.4", strings.Fields(entry)...)}
		said, err := policies.reviewDaemonSet(t, c)
		if err != nil || (said.denied != "") != denied {
			t.Errorf("list %q: denied %q, want a denial: %t; %v", entry, said.denied, denied, err)
		}
	}
}

// Without the replacement the ConfigMap is moved away from the bindings, and its rule is off.
func TestCELPoliciesInANamespaceAsDocumented(t *testing.T) {
	t.Parallel()
	text := kustomizationIn(t, "../docs/validating-admission-policy.md", "namespace:")
	alone, _, _ := strings.Cut(text, "replacements:")
	for kustomization, follow := range map[string]bool{text: true, alone: false} {
		in := build(t, kustomization, nil)
		moved := the[*corev1.ConfigMap](t, in, "spegel-guard-private-registries").Namespace
		if moved != "platform" {
			t.Fatalf("the ConfigMap is in %s", moved)
		}
		for _, name := range []string{"spegel-guard-private-registries", "spegel-guard-warnings"} {
			ref := the[*admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, in, name).Spec.ParamRef
			if (ref.Namespace == moved) != follow {
				t.Errorf("%s looks in %s, the ConfigMap is in %s; want it to follow: %t", name, ref.Namespace, moved, follow)
			}
		}
	}
}
