package report

import (
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Judge makes a report of releases whose findings carry the severities of the policy, in the order that
// they are given: it makes each severity the one in force, draws the verdicts and counts them. What the
// releases hold is changed in place.
func Judge(releases []Release, errs []Error, unresolved policy.Unresolved) *Report {
	r := &Report{SchemaVersion: SchemaVersion, Releases: notNil(releases), Errors: notNil(errs)}
	for i := range releases {
		rel := &releases[i]
		rel.judge(unresolved)
		r.Summary.count(rel.Verdict)
	}
	return r
}

// judge draws the verdict. Nothing is installed from a release that is suspended, that is being deleted,
// or that nothing builds, so none of these is ever denied.
func (r *Release) judge(unresolved policy.Unresolved) {
	r.Findings, r.Unresolved = notNil(r.Findings), notNil(r.Unresolved)
	installed := !r.Inactive && !r.Suspended && !r.Deleting
	deny := false
	for i := range r.Unresolved {
		u := &r.Unresolved[i]
		u.Severity, u.Documentation = validate.Warn, unresolvedPage
		if installed && unresolved == policy.UnresolvedDeny && !u.Source {
			u.Severity, deny = validate.Deny, true
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Documentation = rulesPage + "#" + f.Rule
		if !installed {
			f.Severity = validate.Warn
		}
		deny = deny || f.Severity == validate.Deny
	}
	switch {
	case deny:
		r.Verdict = VerdictDeny
	case len(r.Findings) > 0 || r.Cluster != nil && len(r.Cluster.Problems) > 0:
		r.Verdict = VerdictWarn
	case len(r.Unresolved) > 0:
		r.Verdict = VerdictUnresolved
	default:
		r.Verdict = VerdictPass
	}
}

func (s *Summary) count(v Verdict) {
	s.Releases++
	switch v {
	case VerdictDeny:
		s.Denied++
	case VerdictWarn:
		s.Warned++
	case VerdictUnresolved:
		s.Unresolved++
	case VerdictPass:
		s.Passed++
	}
}

// notNil makes JSON write [] where there is nothing.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
