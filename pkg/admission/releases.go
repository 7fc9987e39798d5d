package admission

import (
	"context"
	"errors"
	"net/http"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/pages"
)

// maxPages bounds the pages of a list. Most HelmReleases have some ten KiB.
const maxPages = 100

// Lister lists HelmReleases, as controller-runtime's client does. It must be safe for concurrent use.
type Lister interface {
	List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error
}

var errTooMany = errors.New("there are too many")

// releasesNaming hands on the HelmReleases that take values from an object, as their pages come: what is bad in the first is found
// also where there is no time for the last. The error says in words why there may be more.
func (h *Handler) releasesNaming(ctx context.Context, kind string, key client.ObjectKey, do func(*helmv2.HelmRelease)) error {
	if h.Lister == nil {
		return errors.New("there is no cluster to ask")
	}
	page := 0
	err := pages.Each(ctx, listOnly{h.Lister}, []client.ListOption{client.InNamespace(key.Namespace)}, func(list *helmv2.HelmReleaseList) error {
		for i := range list.Items {
			if hr := &list.Items[i]; hr.DeletionTimestamp == nil && names(hr, kind, key.Name) {
				do(hr)
			}
		}
		page++
		if page == maxPages && list.Continue != "" {
			return errTooMany
		}
		return nil
	})
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &tooLarge):
		return errors.New("there is too much in them")
	case err == nil || errors.Is(err, errTooMany):
		return err
	case apierrors.IsForbidden(err):
		return errors.New("not permitted")
	case errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err):
		return errors.New("not in time")
	}
	return errors.New("an error")
}

func names(hr *helmv2.HelmRelease, kind, name string) bool {
	return slices.ContainsFunc(hr.Spec.ValuesFrom, func(ref helmv2.ValuesReference) bool { return ref.Kind == kind && ref.Name == name })
}

// listOnly is what pages asks, which lists and nothing else.
type listOnly struct{ Lister }

func (listOnly) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.ErrUnsupported
}
