package judge

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Why is the reference that a variable is unknown for.
func (r *Release) Why(name string) release.Reference {
	ref := why(name, r.Read)
	if _, known := r.named[ref]; !known {
		r.named[ref] = name
	}
	return ref
}

// Whys are the references that the variables in Opaque are unknown for.
func (r *Release) Whys() (out []release.Reference) {
	for _, name := range r.Opaque {
		out = append(out, r.Why(name))
	}
	return out
}

// Variable is the variable that a reference is unknown for; empty where it is an object.
func (r *Release) Variable(ref release.Reference) string { return r.named[ref] }

// variables lists why a text of the values is not known; none if it is.
func (r *Release) variables(text string) (out []release.Reference) {
	for _, name := range substitute.Unknown(text) {
		out = append(out, r.Why(name))
	}
	return out
}

// why looks for a variable in the objects that it may stand in.
func why(name string, objects []*fluxgraph.Object) release.Reference {
	for _, o := range objects {
		switch {
		case !slices.Contains(substitute.Unknown(string(substitute.Seal(o.Text))), name):
			continue
		case name == substitute.Sealed:
			return release.Reference{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Key: "spec", Reason: substitute.SealedReason}
		case o.By != nil:
			return o.By.Scope.Why(name)
		}
		break
	}
	return release.Reference{Kind: "Variable", Name: name, Reason: substitute.NoValue(name)}
}

// Shaper is what lies elsewhere, or is not known, and could change what is built, at the place that names it.
type Shaper struct {
	release.Reference
	File         string
	Line, Column int
}

// Shapers are the remote patches and components of a release, and the variable that says whether it is suspended.
func (r *Release) Shapers() (out []Shaper) {
	n := r.Object.By
	if n == nil {
		return nil
	}
	add := func(file string, line, column int, key, reason string) {
		out = append(out, Shaper{release.Reference{Kind: "Kustomization", Namespace: n.Namespace, Name: n.Name, Key: key, Reason: reason}, file, line, column})
	}
	for _, f := range n.Folders {
		for _, h := range f.Holes {
			if h.Remote && h.Shaping {
				add(h.File, h.Line, h.Column, h.Path, h.Field+": "+h.Path+" "+h.Problem)
			}
		}
	}
	if n.SuspendUnknown != "" {
		add(n.File, 0, 0, "suspend", n.Scope.Why(n.SuspendUnknown).Reason)
	}
	return out
}
