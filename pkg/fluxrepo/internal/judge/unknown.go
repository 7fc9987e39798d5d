package judge

import (
	"fmt"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// maxVariables is how many unknown variables are told of one release: nobody reads more. The others are one.
const maxVariables = 1000

// read notes an object that the release reads, and the unknown variables that no other has.
func (r *Release) read(o *fluxgraph.Object) {
	r.Read = append(r.Read, o)
	for _, name := range substitute.Unknown(string(substitute.Seal(o.Text))) {
		if r.holders[name] == nil && len(r.holders) < maxVariables {
			r.holders[name] = o
		}
	}
}

// variables lists why a text of the values is not known; none if it is.
func (r *Release) variables(text string) (out []release.Reference) {
	for _, name := range substitute.Unknown(text) {
		out = append(out, why(name, r.holders[name]))
	}
	return out
}

// why is the reference that a variable is unknown for, which stands in an object.
func why(name string, o *fluxgraph.Object) release.Reference {
	switch {
	case o == nil:
		return release.Reference{Kind: "Variable", Name: "others", Reason: fmt.Sprintf("more than %d variables have no value", maxVariables)}
	case name == substitute.Sealed:
		return release.Reference{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Key: "spec", Reason: substitute.SealedReason, Variable: name}
	case o.By == nil:
		return (*substitute.Scope)(nil).Why(name)
	}
	return o.By.Scope.Why(name)
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
