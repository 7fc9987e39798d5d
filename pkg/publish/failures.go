package publish

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

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
