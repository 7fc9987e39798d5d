package fluxrepo

import (
	"fmt"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// reportBuild says why a build failed, and what it leaves out.
func (g *graph) reportBuild(n *node) {
	if !g.couldLead(n) {
		return // nothing of Spegel's can come from there
	}
	leads := g.leadsThere(n)
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			for _, h := range t.holes {
				if h.remote && !h.shaping && !leads {
					continue
				}
				g.holeIn(n, h)
			}
			return true
		})
	}
	if n.built.err == nil {
		return
	}
	n.failed = true
	g.elsewhere = true
	broken := false
	for _, t := range n.trees {
		t.all(func(f *file) bool {
			if !isYAML(f.path) {
				return true
			}
			if _, err := g.decoded(f); err != nil {
				broken = true
				g.reportOf(n, Error{Place: g.placeOf(f, err), Message: plain(err), Fatal: true})
			}
			return true
		})
	}
	if !broken {
		g.reportOf(n, Error{Place: g.placeOfKustomization(n), Message: fmt.Sprintf("Kustomization %s can't be built: %s", n.written(n.name), plain(n.built.err)), Fatal: true})
	}
	g.rescue(n)
}

// holeIn tells of what a kustomization names and that is not there.
func (g *graph) holeIn(n *node, h hole) {
	if h.remote {
		g.elsewhere = true
		if h.shaping {
			n.shapers = append(n.shapers, Reference{
				Reference: unnamed(release.Reference{Kind: "Kustomization", Namespace: n.ns, Name: n.name, Key: h.path, Reason: h.field + ": " + h.path + " is " + absent}, n.written),
				Place:     h.place,
			})
			return
		}
	}
	message := h.problem
	if h.path != "" {
		message = h.field + ": " + h.path + " " + h.problem
	}
	if h.remote {
		message += ", so what it holds is not checked"
	}
	g.reportOf(n, Error{Place: h.place, Message: message, Fatal: !h.remote, Unfollowed: h.remote})
}

// rescue goes on with what a failed build would have emitted, as it stands in the files.
func (g *graph) rescue(n *node) {
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			for _, f := range t.resources {
				for _, k := range g.rawIn[f] {
					o := newRawObject(k.node, f.path)
					if o.ns == "" {
						o.ns = n.object.Spec.TargetNamespace
					}
					o.by = n
					n.built.objects = append(n.built.objects, o)
				}
			}
			return true
		})
	}
}
