package audit_test

import (
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestDaemonSetParity audits the corpus of DaemonSets: what puts Spegel in front of a private registry is a problem of what runs.
func TestDaemonSetParity(t *testing.T) {
	t.Parallel()
	cases, err := parity.DaemonSets()
	if err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Load("", []string{parity.PrivateRegistry})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			reader := cluster(t, interceptor.Funcs{})
			if err := reader.Create(t.Context(), c.Object("spegel", "kube-system", c.Pod)); err != nil {
				t.Fatal(err)
			}
			res, err := audit.Run(t.Context(), audit.Options{Reader: reader, Charts: pol.Charts, Policy: pol.Policy})
			if err != nil {
				t.Fatal(err)
			}
			if (len(res.Releases) == 0) != (c.Verdict == "not-spegel") {
				t.Fatalf("%d releases; want %s", len(res.Releases), c.Verdict)
			}
			// a restart of a bad one warns when it is reviewed, and runs all the same
			atRisk := (c.Verdict == "deny" || c.Old != nil) && slices.ContainsFunc(c.Findings, func(f parity.Finding) bool { return f.Rule != "invalid-mirror-url" })
			for _, rel := range res.Releases {
				if found := slices.ContainsFunc(rel.Problems, func(p audit.Problem) bool { return p.ID == audit.PrivatePulls }); found != atRisk {
					t.Errorf("at risk is %t; want %t: %+v", found, atRisk, rel.Problems)
				}
			}
		})
	}
}
