package publish

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// maxErrors is how many errors of the API server are told; the others are counted. A right that is missing fails every
// write in the same way.
const maxErrors = 3

// failures gathers what could not be written.
type failures struct {
	what    string // of what kind they are, in the plural
	errs    []error
	more    int
	leaving map[string]bool
}

// add takes the error of one write, which may be nil. A namespace that is being deleted takes no new objects; that is no
// failure, and it is enough to say it once.
func (f *failures) add(namespace, doing string, err error) {
	switch {
	case err == nil:
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		if f.leaving == nil {
			f.leaving = map[string]bool{}
		}
		f.leaving[namespace] = true
	case len(f.errs) < maxErrors:
		f.errs = append(f.errs, fmt.Errorf("%s: %w", doing, err))
	default:
		f.more++
	}
}

// result is the namespaces that are being deleted, sorted, and the errors as one.
func (f *failures) result() (leaving []string, err error) {
	if f.more > 0 {
		f.errs = append(f.errs, fmt.Errorf("and %d more %s could not be written or removed", f.more, f.what))
	}
	return slices.Sorted(maps.Keys(f.leaving)), errors.Join(f.errs...)
}
