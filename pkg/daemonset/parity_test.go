package daemonset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/daemonset"
	"github.com/spegel-guard/spegel-guard/pkg/rollout"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestParity judges the corpus of DaemonSets, and once more as the audit does: by the configuration that pkg/rollout reads of a cluster.
func TestParity(t *testing.T) {
	t.Parallel()
	cases, err := parity.DaemonSets()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			res, ok := daemonset.Judge(c.Pod, policy(t, nil))
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
			sources := rollout.Sources(c.Pod)
			if len(sources) != 1 || len(c.Unresolved) > 0 {
				return // the audit shows the last of several, and says nothing of a list that it can't read
			}
			var audited, want []string
			for _, f := range daemonset.Findings(sources[0].Configuration, policy(t, nil)) {
				audited = append(audited, f.Rule+" "+string(f.Severity))
			}
			for _, f := range res.Findings {
				want = append(want, f.Rule+" "+string(f.Severity))
			}
			if diff := cmp.Diff(want, audited); diff != "" {
				t.Errorf("audited (-want +got):\n%s", diff)
			}
		})
	}
}
