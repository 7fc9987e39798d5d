package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/test/e2e/celpolicy"
	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// celPolicyLabel is on the namespaces in which the CEL policies decides, beside the webhook: as shipped, or with a ConfigMap of the
// namespace's own as its parameter. The API server asks the CEL policies first, and says who has denied.
const celPolicyLabel = "cel.spegel-guard.dev/parameter"

// installCELPolicies applies the components, for labelled namespaces only, once for all tests.
var installCELPolicies = sync.OnceValue(func() error {
	objects, err := cluster.CELPolicies()
	if err != nil {
		return err
	}
	var all []*unstructured.Unstructured
	for _, object := range objects {
		all = append(all, object)
		switch object.GetKind() {
		case "ValidatingAdmissionPolicy":
			scope(object, metav1.LabelSelectorOpExists, "matchConstraints")
		case "ValidatingAdmissionPolicyBinding":
			own := object.DeepCopy() // with a parameter of the namespace's own
			own.SetName(object.GetName() + "-own")
			unstructured.RemoveNestedField(own.Object, "spec", "paramRef", "namespace")
			scope(own, metav1.LabelSelectorOpIn, "matchResources", "own")
			scope(object, metav1.LabelSelectorOpIn, "matchResources", "shipped")
			all = append(all, own)
		}
	}
	return shared.Apply(context.Background(), all...)
})

// scope limits a policy or a binding to namespaces by their label.
func scope(object *unstructured.Unstructured, op metav1.LabelSelectorOperator, field string, values ...any) {
	expression := map[string]any{"key": celPolicyLabel, "operator": string(op)}
	if len(values) > 0 {
		expression["values"] = values
	}
	selector := map[string]any{"matchExpressions": []any{expression}}
	if err := unstructured.SetNestedField(object.Object, selector, "spec", field, "namespaceSelector"); err != nil {
		panic(err) // the manifest is not what its own tests say
	}
}

// celPolicyNamespace makes a namespace in which the CEL policies decide.
func celPolicyNamespace(t *testing.T, name, parameter string, private ...string) string {
	t.Helper()
	decideByCEL(t, namespace(t, name), parameter, private...)
	return name
}

// decideByCEL has the CEL policies decide in a namespace, and waits until they do: with these private registries, or with the ConfigMap as
// it is shipped.
func decideByCEL(t *testing.T, name, parameter string, private ...string) {
	t.Helper()
	if err := installCELPolicies(); err != nil {
		t.Fatal(err)
	}
	if parameter == "own" {
		list := "    " + strings.Join(private, "\n    ")
		accepted(t, kubectlInput(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spegel-guard-private-registries}\ndata:\n  privateRegistries: |\n    probe.invalid\n"+list+"\n",
			"-n", name, "create", "-f", "-"))
	}
	accepted(t, kubectl(t, "label", "namespace", name, celPolicyLabel+"="+parameter))
	entry := "*"
	if parameter == "own" {
		entry = "https://probe.invalid" // the ConfigMap has arrived too
	}
	ask := celAsker(t)
	eventually(t, "the CEL policies decide in "+name, func() bool { // the API server takes up each on its own
		refused := ask(t, name, fromYAML(t, release(t, "spegel", `spegel: {mirroredRegistries: ["`+entry+`"]}`)))
		warned := ask(t, name, fromYAML(t, release(t, "spegel", `spegel: {appendMirrors: true, mirroredRegistries: ["https://docker.io"]}`)))
		return refused.denied != "" && len(warned.warnings) > 0
	})
}

// celAnswer is what the API server said to a dry-run create.
type celAnswer struct {
	denied   string // the message of the CEL policies, empty if they did not deny
	warnings []string
}

// celAsker returns a function that creates releases by dry run.
func celAsker(t *testing.T) func(t *testing.T, ns string, object map[string]any) celAnswer {
	t.Helper()
	c, warnings := warnedClient(t)
	return func(t *testing.T, ns string, object map[string]any) celAnswer {
		t.Helper()
		u := (&unstructured.Unstructured{Object: object}).DeepCopy()
		u.SetNamespace(ns)
		warnings.take()
		err := c.Create(t.Context(), u, client.DryRunAll)
		answer := celAnswer{}
		for _, w := range warnings.take() {
			if rest, ok := strings.CutPrefix(w, "Validation failed for ValidatingAdmissionPolicy 'spegel-guard-warnings'"); ok {
				answer.warnings = append(answer.warnings, rest)
			}
		}
		status := apierrors.APIStatus(nil)
		if !errors.As(err, &status) {
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		if status.Status().Code != http.StatusForbidden {
			t.Fatalf("code %d, want 403: %v", status.Status().Code, err)
		}
		_, answer.denied, _ = strings.Cut(err.Error(), "ValidatingAdmissionPolicy 'spegel-guard' with binding ")
		return answer
	}
}

// TestCELPoliciesOnTheAPIServer runs the corpora and generated releases through the real API server.
func TestCELPoliciesOnTheAPIServer(t *testing.T) {
	t.Parallel()
	cases, err := celpolicy.Corpus("../../pkg")
	if err != nil {
		t.Fatal(err)
	}
	generated := 400
	if testing.Short() {
		generated = 40
	}
	for seed := range uint64(generated) {
		c, err := celpolicy.Generate(seed)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	ask := celAsker(t)
	namespaces := map[string]string{}
	denied := 0
	for _, c := range cases {
		key := fmt.Sprint(c.PrivateRegistries)
		if namespaces[key] == "" {
			namespaces[key] = celPolicyNamespace(t, fmt.Sprint("cel-", len(namespaces)), "own", c.PrivateRegistries...)
		}
		said := ask(t, namespaces[key], c.Release)
		if said.denied != "" {
			denied++
		}
		err := c.Check(said.denied)
		if strings.HasPrefix(c.Name, "generated/") && said.denied == "" {
			err = nil // it may admit; the tests of the manifests say when
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if denied < len(cases)/4 {
		t.Errorf("%d denials of %d, want a quarter", denied, len(cases))
	}
}

// TestCELPoliciesAsShipped: without private registries, and then without the ConfigMap.
func TestCELPoliciesAsShipped(t *testing.T) {
	t.Parallel()
	ns := celPolicyNamespace(t, "cel-shipped", "shipped")
	ask := celAsker(t)
	spegel := func(values string) map[string]any { return fromYAML(t, release(t, "spegel", values)) }
	check := func(t *testing.T) {
		t.Helper()
		if said := ask(t, ns, spegel("spegel: {registries: [x]}")); !strings.Contains(said.denied, "(2 problems): - spec.values.spegel.registries: ") {
			t.Errorf("the incident: %q", said.denied)
		}
		if said := ask(t, ns, spegel(`spegel: {mirroredRegistries: ["https://registry.example.ts.net"]}`)); said.denied != "" {
			t.Errorf("nobody has said that the registry is private: %s", said.denied)
		}
		accepted(t, kubectl(t, "-n", ns, "apply", "--dry-run=server", "-f", "test/e2e/testdata/other.yaml"))
	}
	check(t)
	t.Run("warns", func(t *testing.T) {
		said := ask(t, ns, spegel("registries: [x]\nspegel: {appendMirrors: true, mirroredRegistries: ['https://docker.io']}"))
		text := strings.Join(said.warnings, "\n")
		if said.denied != "" || len(said.warnings) != 2 || !strings.Contains(text, "[misplaced-registries-key]") || !strings.Contains(text, "[renamed-key]") {
			t.Errorf("denied %q, warnings:\n%s", said.denied, text)
		}
	})
	t.Run("a suspended release is admitted with a warning", func(t *testing.T) {
		object := spegel("spegel: {registries: [x]}")
		object["spec"].(map[string]any)["suspend"] = true
		said := ask(t, ns, object)
		if said.denied != "" || len(said.warnings) != 1 || !strings.Contains(said.warnings[0], "suspended, so admitted: Spegel would stand between") {
			t.Errorf("denied %q, warnings %q", said.denied, said.warnings)
		}
	})
	t.Run("a list of ten thousand is judged", func(t *testing.T) {
		object := spegel("spegel: {}")
		entries := make([]any, 0, 10_000)
		for i := range cap(entries) - 1 {
			entries = append(entries, fmt.Sprintf("https://mirror%d.example.com", i))
		}
		err := unstructured.SetNestedSlice(object, append(entries, "*"), "spec", "values", "spegel", "mirroredRegistries")
		if err != nil {
			t.Fatal(err)
		}
		if said := ask(t, ns, object); !strings.Contains(said.denied, `[9999]: "*" stands for every registry`) {
			t.Errorf("denied %q", said.denied)
		}
	})
	t.Run("without the ConfigMap it decides all but private registries", func(t *testing.T) {
		accepted(t, kubectl(t, "-n", "kube-system", "delete", "configmap", "spegel-guard-private-registries"))
		check(t)
	})
}

// fromYAML decodes a manifest.
func fromYAML(t *testing.T, manifest string) map[string]any {
	t.Helper()
	var u unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u.Object
}
