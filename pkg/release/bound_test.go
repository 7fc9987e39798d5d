package release_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// TestInlineValuesStandBeyondTheBound: however many references can't be read, and however large the list
// is, an inline list that breaks a rule is certain, and nothing else matters.
func TestInlineValuesStandBeyondTheBound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ entries, refs int }{
		"many references": {1, 2000},
		"a long list":     {20000, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries := make([]any, c.entries)
			for i := range entries {
				entries[i] = fmt.Sprintf("registry-%d.example.com", i)
			}
			raw, err := json.Marshal(map[string]any{"spegel": map[string]any{"mirroredRegistries": entries}})
			if err != nil {
				t.Fatal(err)
			}
			hr := &helmv2.HelmRelease{}
			hr.Name, hr.Namespace = "spegel", "kube-system"
			hr.Spec.Values = &apiextensionsv1.JSON{Raw: raw}
			for i := range c.refs {
				hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, helmv2.ValuesReference{Kind: "Secret", Name: fmt.Sprintf("s%d", i), Optional: true})
			}
			res := release.Resolve(t.Context(), hr, release.Options{Charts: []string{"spegel"}, Reader: configMaps{}, Create: true}).Evaluate(validate.Policy{})
			if want := min(c.entries, 1000); denied(res) != want || len(res.Unresolved) != 0 { // a thousand of a rule are told
				t.Errorf("%d denied, %d unresolved; want %d and none", denied(res), len(res.Unresolved), want)
			}
		})
	}
}

// TestManyInlineValuesAreNotMerged: beside a million inline values, what a reference holds is not looked at, and what they
// say stands.
func TestManyInlineValuesAreNotMerged(t *testing.T) {
	t.Parallel()
	hr := &helmv2.HelmRelease{}
	hr.Name, hr.Namespace = "spegel", "kube-system"
	hr.Spec.Values = &apiextensionsv1.JSON{Raw: []byte(`{"spegel":{"registries":[` + strings.Repeat("1,", 1_000_000) + `1]}}`)}
	hr.Spec.ValuesFrom = []helmv2.ValuesReference{{Kind: "ConfigMap", Name: "values"}}
	rel := release.Resolve(t.Context(), hr, release.Options{Charts: []string{"spegel"}, Reader: oneConfigMap{}})
	res := rel.Evaluate(validate.Policy{})
	want := []release.Reference{{
		Kind: "ConfigMap", Namespace: "kube-system", Name: "values", Key: "values.yaml", Reason: "not read, because there is too much besides it",
	}}
	if diff := cmp.Diff(want, res.Unresolved); diff != "" || denied(res) != 1 {
		t.Errorf("%d denied, unresolved (-want +got):\n%s", denied(res), diff)
	}
}

// denied counts the findings that deny.
func denied(res release.Result) (n int) {
	for _, f := range res.Findings {
		if f.Severity == validate.Deny {
			n++
		}
	}
	return n
}

// oneConfigMap is a reader that finds the same values everywhere.
type oneConfigMap struct{}

func (oneConfigMap) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	obj.(*corev1.ConfigMap).Data = map[string]string{"values.yaml": "spegel: {registries: [x]}"}
	return nil
}
