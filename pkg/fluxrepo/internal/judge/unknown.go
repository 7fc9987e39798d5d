package judge

import (
	"cmp"
	"fmt"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// maxVariables is how many unknown variables are told of one release: nobody reads more. The others are one.
const maxVariables = 1000

// variables are the references that variables without a value are unknown for, by their names.
type variables map[string]release.Reference

// learn adds those that stand in an object.
func (v variables) learn(o *fluxgraph.Object) {
	for _, name := range substitute.Unknown(string(substitute.Seal(o.Text))) {
		_, known := v[name]
		switch {
		case known:
		case len(v) >= maxVariables:
			v[name] = release.Reference{Kind: "Variable", Name: "others", Reason: fmt.Sprintf("more than %d variables have no value", maxVariables)}
		default:
			v[name] = why(name, o)
		}
	}
}

// in lists why a text is not known; none if it is.
func (v variables) in(text string) (out []release.Reference) {
	for _, name := range substitute.Unknown(text) {
		out = append(out, cmp.Or(v[name], noValue(name)))
	}
	return out
}

// why is the reference that a variable is unknown for, which stands in an object.
func why(name string, o *fluxgraph.Object) release.Reference {
	switch {
	case name == substitute.Sealed:
		return release.Reference{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Key: "spec", Reason: substitute.SealedReason, Variable: name}
	case o.By == nil:
		return noValue(name)
	}
	return o.By.Scope.Why(name)
}

// noValue is the reference of a variable of which nothing is known.
func noValue(name string) release.Reference { return (*substitute.Scope)(nil).Why(name) }

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
