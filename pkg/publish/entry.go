package publish

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// entries lists what there is to say of a release, what denies first and what is only unresolved last, as a bound may leave
// the rest out.
func entries(r *report.Release) []report.Entry {
	all := r.Entries()
	slices.SortStableFunc(all, func(a, b report.Entry) int { return rank(&a) - rank(&b) })
	return all
}

func rank(e *report.Entry) int {
	switch {
	case e.Severity == validate.Deny:
		return 0
	case e.ID != report.EntryUnresolved:
		return 1
	}
	return 2
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
