package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	deny := release.Finding{Finding: validate.Finding{Rule: "a", Severity: validate.Deny}}
	warn := release.Finding{Finding: validate.Finding{Rule: "b", Severity: validate.Warn}}
	for name, c := range map[string]struct {
		findings             []release.Finding
		unresolved           int
		suspended, leftover  bool
		source               bool // it is the chart's source that is unresolved
		policy               policy.Unresolved
		verdict              report.Verdict
		severity, unresolves validate.Severity
	}{
		"nothing found passes":                                {verdict: report.VerdictPass},
		"one finding that denies is enough":                   {findings: []release.Finding{warn, deny}, verdict: report.VerdictDeny, severity: validate.Deny},
		"a warning warns":                                     {findings: []release.Finding{warn}, verdict: report.VerdictWarn, severity: validate.Warn},
		"a warning comes before what is unresolved":           {findings: []release.Finding{warn}, unresolved: 1, verdict: report.VerdictWarn, severity: validate.Warn, unresolves: validate.Warn},
		"what is unresolved is said":                          {unresolved: 1, verdict: report.VerdictUnresolved, unresolves: validate.Warn},
		"what is unresolved denies if the policy says so":     {unresolved: 1, policy: policy.UnresolvedDeny, verdict: report.VerdictDeny, unresolves: validate.Deny},
		"whose chart it is denies under no policy":            {unresolved: 1, source: true, policy: policy.UnresolvedDeny, verdict: report.VerdictUnresolved, unresolves: validate.Warn},
		"that policy denies nothing that is resolved":         {policy: policy.UnresolvedDeny, verdict: report.VerdictPass},
		"a suspended release is warned at most":               {findings: []release.Finding{deny}, suspended: true, verdict: report.VerdictWarn, severity: validate.Warn},
		"a suspended release may be unresolved":               {unresolved: 1, suspended: true, policy: policy.UnresolvedDeny, verdict: report.VerdictUnresolved, unresolves: validate.Warn},
		"a release that nothing builds is warned at most":     {findings: []release.Finding{deny}, leftover: true, verdict: report.VerdictWarn, severity: validate.Warn},
		"a release that nothing builds may be unresolved too": {unresolved: 2, leftover: true, policy: policy.UnresolvedDeny, verdict: report.VerdictUnresolved, unresolves: validate.Warn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := fluxrepo.Release{Suspended: c.suspended, Inactive: c.leftover, Unresolved: make([]fluxrepo.Reference, c.unresolved)}
			for i := range in.Unresolved {
				in.Unresolved[i].Source = c.source
			}
			for _, f := range c.findings {
				in.Findings = append(in.Findings, fluxrepo.Finding{Finding: f})
			}
			got := report.New(&fluxrepo.Result{Releases: []fluxrepo.Release{in}}, c.policy).Releases[0]
			if got.Verdict != c.verdict {
				t.Errorf("verdict %s; want %s", got.Verdict, c.verdict)
			}
			if n := len(got.Findings); n > 0 && got.Findings[n-1].Severity != c.severity {
				t.Errorf("severity %s; want %s", got.Findings[n-1].Severity, c.severity)
			}
			for _, u := range got.Unresolved {
				if u.Severity != c.unresolves {
					t.Errorf("severity of what is unresolved %s; want %s", u.Severity, c.unresolves)
				}
			}
		})
	}
}

func TestSummaryCountsEachReleaseOnce(t *testing.T) {
	t.Parallel()
	got := report.New(mixed(), policy.UnresolvedWarn)
	if diff := cmp.Diff(report.Summary{Releases: 6, Denied: 2, Warned: 2, Unresolved: 1, Passed: 1}, got.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if got.Complete() {
		t.Error("complete, with a fatal error")
	}
}

func TestAnUnknownFormatIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := report.ParseFormat("yaml", report.Formats()); err == nil || err.Error() != `format "yaml": want one of text, json, sarif, junit, github, markdown` {
		t.Errorf("error %v", err)
	}
	if err := report.Format("yaml").Write(nil, nil, report.Options{}); err == nil {
		t.Error("it was written all the same")
	}
	for _, f := range report.Formats() {
		if got, err := report.ParseFormat(string(f), report.Formats()); err != nil || got != f {
			t.Errorf("%s: %s, %v", f, got, err)
		}
	}
}
