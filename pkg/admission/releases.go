package admission

import (
	"context"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/pages"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// maxPages bounds the pages of a list. Most HelmReleases have some ten KiB.
const maxPages = 100

// Lister lists HelmReleases, as controller-runtime's client does. It must be safe for concurrent use.
type Lister = pages.Lister

// releasesNaming hands on the HelmReleases that take values from an object, as their pages come: what is bad in the first is found
// also where there is no time for the last. It says in words why there may be more.
func (h *Handler) releasesNaming(ctx context.Context, kind string, key client.ObjectKey, do func(*helmv2.HelmRelease)) (incomplete string) {
	err := error(&release.Unreadable{Reason: "there is no cluster to ask"})
	if h.Lister != nil {
		page := 0
		err = pages.Each(ctx, h.Lister, []client.ListOption{client.InNamespace(key.Namespace)}, func(list *helmv2.HelmReleaseList) error {
			for i := range list.Items {
				if hr := &list.Items[i]; hr.DeletionTimestamp == nil && names(hr, kind, key.Name) {
					do(hr)
				}
			}
			page++
			if page == maxPages && list.Continue != "" {
				return &release.Unreadable{Reason: "there are too many"}
			}
			return nil
		})
	}
	if err == nil {
		return ""
	}
	return "the HelmReleases that use it could not be listed: " + release.Reason(err)
}

func names(hr *helmv2.HelmRelease, kind, name string) bool {
	return slices.ContainsFunc(hr.Spec.ValuesFrom, func(ref helmv2.ValuesReference) bool { return ref.Kind == kind && ref.Name == name })
}
