package judge

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// variables lists why a text of the values is not known; none if it is.
func (r *Release) variables(text string) (out []release.Reference) {
	for _, name := range substitute.Unknown(text) {
		out = append(out, why(name, r.Read...))
	}
	return out
}

// why is the reference that a variable is unknown for, which stands in one of some objects.
func why(name string, objects ...*fluxgraph.Object) release.Reference {
	i := slices.IndexFunc(objects, func(o *fluxgraph.Object) bool {
		return slices.Contains(substitute.Unknown(string(substitute.Seal(o.Text))), name)
	})
	switch {
	case i >= 0 && name == substitute.Sealed:
		o := objects[i]
		return release.Reference{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Key: "spec", Reason: substitute.SealedReason, Variable: name}
	case i >= 0 && objects[i].By != nil:
		return objects[i].By.Scope.Why(name)
	}
	return release.Reference{Kind: "Variable", Name: name, Reason: substitute.NoValue(name), Variable: name}
}

// Shaper is what lies elsewhere, or is not known, and could change what is built, at the place that names it.
type Shaper struct {
	release.Reference
	overlay.Hole
}

// Shapers are the remote patches and components of a release, and the variable that says whether it is suspended.
func (r *Release) Shapers() (out []Shaper) {
	n := r.Object.By
	if n == nil {
		return nil
	}
	add := func(h overlay.Hole, key, reason string) {
		out = append(out, Shaper{release.Reference{Kind: "Kustomization", Namespace: n.Namespace, Name: n.Name, Key: key, Reason: reason}, h})
	}
	for _, f := range n.Folders {
		for _, h := range f.Holes {
			if h.Remote && h.Shaping {
				add(h, h.Path, h.Field+": "+h.Path+" "+h.Problem)
			}
		}
	}
	if n.SuspendUnknown != "" {
		add(overlay.Hole{File: n.File}, "suspend", n.Scope.Why(n.SuspendUnknown).Reason)
	}
	return out
}
