package publish

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// entries lists what is wrong with a release, what denies first, as a bound may leave the rest out. What is
// unresolved is only there where it denies.
func entries(r *report.Release) []report.Entry {
	all := r.Entries()
	all = slices.DeleteFunc(all, func(e report.Entry) bool { return e.ID == report.EntryUnresolved && e.Severity != validate.Deny })
	slices.SortStableFunc(all, func(a, b report.Entry) int { return rank(a.Severity) - rank(b.Severity) })
	return all
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
