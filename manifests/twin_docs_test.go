package manifests_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
)

// kustomizationIn returns the first kustomization of a page that names the twin's component, for a folder beside this one.
func kustomizationIn(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "```") {
		if yaml, ok := strings.CutPrefix(block, "yaml\n"); ok && strings.Contains(yaml, "components: [upstream/components/validating-admission-policy]") {
			return strings.ReplaceAll(yaml, "upstream/", "../manifests/")
		}
	}
	t.Fatalf("%s shows no such kustomization", page)
	return ""
}

func TestTwinInstallInTheREADME(t *testing.T) {
	t.Parallel()
	in := build(t, kustomizationIn(t, "../README.md"), nil)
	got := the[*corev1.ConfigMap](t, in, "spegel-guard-private-registries").Data
	want := map[string]string{"privateRegistries": "registry.example.ts.net\n*.internal.example.com"}
	if diff := cmp.Diff(want, got); diff != "" || len(in) != len(build(t, twinAlone, nil)) {
		t.Errorf("%d objects; the ConfigMap holds (-want +got):\n%s", len(in), diff)
	}
}

func TestTwinRuleTurnedOffAsDocumented(t *testing.T) {
	t.Parallel()
	in := build(t, kustomizationIn(t, "../docs/validating-admission-policy.md"), nil)
	policies := celTwin{
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
