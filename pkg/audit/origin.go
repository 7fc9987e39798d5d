package audit

import (
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// origin is what is kept of a HelmRelease to find the DaemonSets that it made, and to know whether their lists may be shown.
// It is kept of every HelmRelease, because one whose chart the policy does not know may have made one too.
type origin struct {
	name, release types.NamespacedName
	// secret reports whether values are in a Secret, elsewhere whether it installs into another cluster, spegel whether the
	// policy takes its chart for Spegel's.
	secret, elsewhere, spegel bool
}

func originOf(hr *helmv2.HelmRelease) origin {
	release := types.NamespacedName{Namespace: hr.GetReleaseNamespace(), Name: hr.GetReleaseName()}
	if latest := hr.Status.History.Latest(); latest != nil { // a long name is shortened
		release = types.NamespacedName{Namespace: latest.Namespace, Name: latest.Name}
	}
	return origin{
		name: types.NamespacedName{Namespace: hr.Namespace, Name: hr.Name}, release: release,
		secret:    slices.ContainsFunc(hr.Spec.ValuesFrom, func(v helmv2.ValuesReference) bool { return v.Kind == "Secret" }),
		elsewhere: hr.Spec.KubeConfig != nil,
	}
}

// made reports whether a HelmRelease made a DaemonSet: by Flux's labels, or, where post-renderers took those
// off, by Helm's annotations.
func (o *origin) made(d *rollout.DaemonSet) bool {
	if d.HelmRelease.Name != "" {
		return d.HelmRelease == o.name
	}
	return d.Release == o.release
}

// makers are the HelmReleases that could have made a DaemonSet. Labels name one; Helm's annotations can name
// several. One that installs into another cluster counts only where the labels name it.
func (r *Result) makers(d *rollout.DaemonSet) []*origin {
	var found []*origin
	for i := range r.origins {
		if o := &r.origins[i]; o.made(d) && (d.HelmRelease.Name != "" || !o.elsewhere) {
			found = append(found, o)
		}
	}
	return found
}
