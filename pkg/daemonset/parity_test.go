package daemonset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/daemonset"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestParity judges the corpus of DaemonSets.
func TestParity(t *testing.T) {
	t.Parallel()
	cases, err := parity.DaemonSets()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			res, ok := daemonset.Judge(c.Pod, policy(t, nil), nil)
			if ok == (c.Verdict == "not-spegel") {
				t.Fatalf("Spegel's is %t; want %s", ok, c.Verdict)
			}
			var found []parity.Finding
			for _, f := range res.Findings {
				found = append(found, parity.Finding{Rule: f.Rule, Field: f.Field})
			}
			var unresolved []string
			for _, u := range res.Unresolved {
				unresolved = append(unresolved, u.Field+": "+u.Kind+" "+u.Name)
			}
			if diff := cmp.Diff([]any{c.Findings, c.Unresolved}, []any{found, unresolved}); diff != "" {
				t.Errorf("findings and unresolved (-want +got):\n%s", diff)
			}
		})
	}
}
