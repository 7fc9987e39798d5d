package publish

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// entry is one thing that is wrong with a release.
type entry struct {
	rule     string // the rule, unresolved, or the problem with what runs
	place    string // where: two entries of a release with the same rule and place are the same one
	text     string
	severity validate.Severity
}

// entries lists what is wrong with a release, what denies first, as a bound may leave the rest out. What is
// unresolved is only there where it denies.
func entries(r *report.Release) []entry {
	var out []entry
	for i := range r.Findings {
		f := &r.Findings[i]
		out = append(out, entry{f.Rule, f.Path, f.Path + ": " + f.Message + "; " + f.Fix, f.Severity})
	}
	for i := range r.Unresolved {
		if u := &r.Unresolved[i]; u.Severity == validate.Deny {
			out = append(out, entry{"unresolved", u.Object(), u.Object() + ": " + u.Reason, u.Severity})
		}
	}
	if r.Cluster != nil {
		for _, p := range r.Cluster.Problems {
			out = append(out, entry{p.Problem, "", p.Message + "; " + p.Fix, validate.Warn})
		}
	}
	slices.SortStableFunc(out, func(a, b entry) int { return rank(a.severity) - rank(b.severity) })
	return out
}

func rank(s validate.Severity) int {
	if s == validate.Deny {
		return 0
	}
	return 1
}

// object refers to what a release is in the cluster.
func object(r *report.Release) corev1.ObjectReference {
	ref := corev1.ObjectReference{
		APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: r.Namespace, Name: r.Name, UID: types.UID(r.UID),
	}
	if r.Kind != "" {
		ref.APIVersion, ref.Kind = "apps/v1", r.Kind
	}
	return ref
}
