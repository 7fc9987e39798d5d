package release_test

import (
	"encoding/json"
	"fmt"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// TestInlineValuesStandBeyondTheBound: however many references can't be read, and however large the list
// is, an inline list that breaks a rule is certain. Only a targetPath could reach into it.
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
			res := release.Resolve(t.Context(), hr, release.Options{Charts: []string{"spegel"}, Create: true}).Evaluate(validate.Policy{})
			if want := min(c.entries, 1000); len(res.Denied()) != want || len(res.Unresolved) != c.refs { // a thousand of a rule are told
				t.Errorf("%d denied, %d unresolved; want %d and %d", len(res.Denied()), len(res.Unresolved), want, c.refs)
			}
		})
	}
}
