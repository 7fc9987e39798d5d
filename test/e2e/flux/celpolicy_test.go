package flux_test

import (
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// TestCELPoliciesFluxForce: a denial of the CEL policies must not make Flux delete the release, whatever force says.
func TestCELPoliciesFluxForce(t *testing.T) {
	t.Parallel()
	a := newApp(t, "cel-force", "  force: true\n", fix)
	a.applied("app")
	bendCELPolicy(t, a.ns, func(map[string]any) {})
	celPolicyDecides(t, a.ns)
	a.push(incident)
	uid := a.twice(func() {
		ready := a.reconcile("app")
		if want := "dry-run failed (Forbidden): helmreleases.helm.toolkit.fluxcd.io \"spegel\" is forbidden: ValidatingAdmissionPolicy 'cel-force' with binding 'cel-force' denied request: Spegel would stand"; !strings.Contains(ready, want) {
			t.Errorf("want a refusal by the CEL policies: %s", ready)
		}
	})
	if got := a.get("helmrelease", "spegel", "{.spec.values.spegel}"); uid == "" || got != `{"mirroredRegistries":["https://docker.io"]}` {
		t.Errorf("the good release did not stay as it was: uid %q, values %s", uid, got)
	}
}

// TestCELPoliciesOtherwiseFluxWouldDelete is the counter-proof, and the reason for failurePolicy: Ignore: with the default reason, and
// with an expression that errors under failurePolicy: Fail, the API server answers 422, and Flux deletes the release.
func TestCELPoliciesOtherwiseFluxWouldDelete(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(spec map[string]any){
		"the default reason": func(spec map[string]any) {
			delete(spec["validations"].([]any)[0].(map[string]any), "reason")
		},
		"an error under failurePolicy Fail": func(spec map[string]any) {
			spec["failurePolicy"] = "Fail"
			spec["validations"].([]any)[0].(map[string]any)["expression"] = "!('registries' in variables.spegel) || object.spec.values.nothing == 1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := "cel-bent-" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "the "), " ", "-"))
			a := newApp(t, id, "  force: true\n", fix)
			a.applied("app")
			if a.uid() == "" {
				t.Fatal("the release was not applied")
			}
			bendCELPolicy(t, id, change)
			celPolicyDecides(t, a.ns)
			a.push(incident)
			ready := a.reconcile("app")
			if uid := a.uid(); uid != "" {
				t.Errorf("the release kept its uid %s, so TestCELPoliciesFluxForce proves nothing: %s", uid, ready)
			}
		})
	}
}

// celPolicyDecides waits until the copy of the policy decides in its namespace.
func celPolicyDecides(t *testing.T, ns string) {
	t.Helper()
	probe := strings.Replace(incident["helmrelease.yaml"], "name: spegel", "name: spegel-probe", 1)
	eventually(t, "the CEL policy decides in "+ns, func() bool {
		r := kubectlInput(t, probe, "-n", ns, "create", "--dry-run=server", "-f", "-")
		return strings.Contains(r.Output, "is invalid") || strings.Contains(r.Output, "ValidatingAdmissionPolicy '"+ns+"'")
	})
}

// bendCELPolicy installs a changed copy of the policy that refuses, for one namespace whose name it gets.
func bendCELPolicy(t *testing.T, ns string, change func(spec map[string]any)) {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := cluster.Render(filepath.Join(root, "manifests/components/validating-admission-policy"))
	if err != nil {
		t.Fatal(err)
	}
	var bent []*unstructured.Unstructured
	for _, object := range objects {
		if object.GetName() != "spegel-guard" {
			continue
		}
		spec := object.Object["spec"].(map[string]any)
		object.SetName(ns)
		if object.GetKind() == "ValidatingAdmissionPolicyBinding" {
			spec["policyName"] = ns
			spec["matchResources"] = map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": ns}}}
		} else {
			change(spec)
		}
		bent = append(bent, object)
	}
	if err := shared.Apply(t.Context(), bent...); err != nil {
		t.Fatal(err)
	}
}
