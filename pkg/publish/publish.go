// Package publish writes what an audit found into the cluster: Events, and PolicyReports where that API is
// installed.
//
// Both are made of the report, which holds nothing out of a Secret but the private host that a rule matched.
// Names are derived from what was found, so that running again adds nothing. Of the project it may import
// pkg/report and what lies left of that.
package publish

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// maxErrors is how many errors of the API server are reported; the others are counted. A right that is missing fails every
// write in the same way.
const maxErrors = 3

// isFailure reports whether the error of a write is one. What is there already need not be written again, and a namespace
// that is being deleted takes no new objects.
func isFailure(err error) bool {
	return err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

func joined(errs []error, what string) error {
	if more := len(errs) - maxErrors; more > 0 {
		errs = append(errs[:maxErrors:maxErrors], fmt.Errorf("and %d more %s could not be written or removed", more, what))
	}
	return errors.Join(errs...)
}
