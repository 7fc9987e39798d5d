package report

import (
	"cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// New makes the report of a repository. What is unresolved denies a release if the policy says so. What does not concern
// Spegel is counted only.
func New(res *fluxrepo.Result, unresolved policy.Unresolved) *Report {
	releases := make([]Release, 0, len(res.Releases))
	for i := range res.Releases {
		releases = append(releases, fromRepository(&res.Releases[i]))
	}
	errs := make([]Error, 0, len(res.Errors))
	faults, remote := 0, 0
	for _, e := range res.Errors {
		if e.Elsewhere {
			if e.Unfollowed {
				remote++
			} else {
				faults++
			}
			continue
		}
		errs = append(errs, Error{Message: e.Message, Fatal: e.Fatal, Unfollowed: e.Unfollowed, Place: Place(e.Place)})
	}
	r := Judge(releases, errs, unresolved)
	r.Files, r.Faults, r.Remote = res.Files, faults, remote
	return r
}

func fromRepository(rel *fluxrepo.Release) Release {
	out := Release{
		Kind: rel.Kind, Namespace: rel.Namespace, Name: rel.Name, Chart: rel.Chart, Version: rel.Version,
		Built: rel.Built, Inactive: rel.Inactive, Suspended: rel.Suspended, From: notNil(rel.From), Place: Place(rel.Place),
	}
	for i := range rel.Findings {
		f := FromFinding(&rel.Findings[i].Finding)
		f.Path = cmp.Or(rel.Findings[i].Argument, f.Path)
		f.Place = Place(rel.Findings[i].Place)
		out.Findings = append(out.Findings, f)
	}
	for i := range rel.Unresolved {
		u := FromReference(rel.Unresolved[i].Reference)
		u.Place = Place(rel.Unresolved[i].Place)
		out.Unresolved = append(out.Unresolved, u)
	}
	return out
}

// FromFinding is a finding of a release, without a place.
func FromFinding(f *release.Finding) Finding {
	return Finding{
		Rule: f.Rule, Severity: f.Severity, Path: f.Field(), Message: f.Text(), Fix: f.Fix,
		Secret: f.Origin.Kind == "Secret",
	}
}

// FromReference is what a release could not read, without a place.
func FromReference(ref release.Reference) Unresolved {
	return Unresolved{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Key: ref.Key, Reason: ref.Reason, Source: ref.Source}
}
