package fluxrepo

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// tellUnfollowed says what can't be followed, whatever was found beside it: more may be there. It looks at
// files, and at Kustomizations that are always hot, so it says the same if nothing is pruned.
func (g *graph) tellUnfollowed() {
	said := g.saidPlaces()
	for _, c := range g.clusters {
		for _, n := range c.nodes {
			g.tellRemote(n.trees, said)
			if n.problem != "" {
				g.tellKustomization(n, n.problem)
			}
		}
	}
	none := !slices.ContainsFunc(g.found, func(rel *Release) bool { return rel != nil })
	for _, k := range g.raw {
		if !g.hidden(k.file.path) && (none || g.live[k]) {
			g.tellRaw(k, said)
			g.tellIncludes(k)
		}
	}
	if len(g.raw) == 0 {
		g.tellRemote(g.outermost(), said)
	}
	g.tellBuilders()
}

// tellRaw tells of a Kustomization as it stands in a file.
func (g *graph) tellRaw(k *rawKustomization, said map[Place]bool) {
	n := &node{graph: g, file: k.file.path, name: k.name, written: plainly}
	source := text(k.node, "spec", "sourceRef", "kind") + " " + text(k.node, "spec", "sourceRef", "name")
	switch {
	case k.tree != nil:
		g.tellRemote(g.treesOf(k.tree, k.node), said)
	case g.hasNode(k): // its parent may have put in what its path lacks
	case !k.exists && text(k.node, "spec", "sourceRef", "kind") == "GitRepository" && g.couldBeOurs(k):
		g.tellKustomization(n, fmt.Sprintf("its path %s is not in this repository", text(k.node, "spec", "path")))
	default:
		g.tellKustomization(n, fmt.Sprintf("built from %s, which is not this repository", source))
	}
}

// hasNode tells whether a Kustomization was followed, or tried to be, under its name or one made of it.
func (g *graph) hasNode(k *rawKustomization) bool {
	return slices.ContainsFunc(g.clusters, func(c *cluster) bool {
		return slices.ContainsFunc(c.nodes, func(n *node) bool {
			return n.file == k.file.path && (strings.Contains(n.name, k.name) || strings.Contains(k.name, "${"))
		})
	})
}

func (g *graph) tellKustomization(n *node, problem string) {
	g.report(Error{Place: g.placeOfKustomization(n), Message: "Kustomization " + n.written(n.name) + ": " + problem, Unfollowed: true})
}

// saidPlaces are the places of what makes a release unresolved, and so is told there.
func (g *graph) saidPlaces() map[Place]bool {
	said := map[Place]bool{}
	for _, rel := range g.found {
		if rel != nil {
			for _, ref := range rel.Unresolved {
				said[ref.Place] = true
			}
		}
	}
	return said
}

// tellRemote says which parts of trees lie elsewhere.
func (g *graph) tellRemote(trees []*tree, said map[Place]bool) {
	for _, t := range trees {
		t.walk(func(t *tree) bool {
			for _, h := range t.holes {
				if h.remote && !said[h.place] {
					g.report(Error{Place: h.place, Message: h.field + ": " + h.path + " " + h.problem + ", so what it holds is not checked", Unfollowed: true})
				}
			}
			return true
		})
	}
}

// tellBuilders tells of what builds in ways that are not followed.
func (g *graph) tellBuilders() {
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.marks&markElsewhere == 0 || g.hidden(name) || !f.isManifest() {
			continue
		}
		docs, _ := g.decoded(f) // reported where the file is needed
		for _, d := range objectsOf(docs) {
			if isBuilder(d) {
				p := Place{File: g.show(name), Line: d.Line, Column: d.Column}
				what := "can't be followed, so what it builds is not checked"
				if text(d, "kind") == "FluxInstance" {
					what = "is not followed, so what it builds of this repository is judged as its files and overlays have it"
				}
				g.report(Error{Place: p, Message: text(d, "kind") + " " + text(d, "metadata", "name") + " " + what, Unfollowed: true})
			}
		}
	}
}

// reachable are the Kustomizations that some lead to, and these.
func reachable(from []*rawKustomization) map[*rawKustomization]bool {
	seen := map[*rawKustomization]bool{}
	var visit func([]*rawKustomization)
	visit = func(list []*rawKustomization) {
		for _, k := range list {
			if !seen[k] {
				seen[k] = true
				visit(k.children)
			}
		}
	}
	visit(from)
	return seen
}

// isBuilder tells what builds in ways that can't be followed.
func isBuilder(d *yaml.Node) bool {
	switch text(d, "kind") {
	case "ResourceSet", "ArtifactGenerator":
		return true
	case "FluxInstance":
		return child(child(d, "spec"), "sync") != nil
	}
	return false
}
