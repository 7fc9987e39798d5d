package fluxrepo

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// tellRemote says which parts of a tree lie elsewhere.
func (g *graph) tellRemote(trees []*tree) {
	for _, t := range trees {
		t.walk(func(t *tree) bool {
			for _, h := range t.holes {
				if h.remote {
					g.report(Error{Place: h.place, Message: h.field + ": " + h.path + " " + h.problem + ", so what it holds is not checked", Unfollowed: true})
				}
			}
			return true
		})
	}
}

// tellBlind says what can't be followed, where no release is found: one may be there.
func (g *graph) tellBlind() {
	for _, k := range g.raw {
		n := &node{graph: g, file: k.file.path, name: k.name}
		where, problem := g.placeOfKustomization(n), ""
		switch {
		case g.hidden(k.file.path):
		case k.tree != nil:
			g.tellRemote(g.treesOf(k.tree, k.node))
		case !k.exists && text(k.node, "spec", "sourceRef", "kind") == "GitRepository" && g.couldBeOurs(k):
			problem = fmt.Sprintf("its path %s is not in this repository", text(k.node, "spec", "path"))
		default:
			problem = fmt.Sprintf("built from %s %s, which is not this repository", text(k.node, "spec", "sourceRef", "kind"), text(k.node, "spec", "sourceRef", "name"))
		}
		if problem != "" {
			g.report(Error{Place: where, Message: "Kustomization " + k.name + ": " + problem, Unfollowed: true})
		}
	}
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.marks&markElsewhere == 0 || g.hidden(name) || !f.isManifest() {
			continue
		}
		docs, _ := g.decoded(f) // reported where the file is needed
		for _, d := range objectsOf(docs) {
			if isBuilder(d) {
				p := Place{File: g.show(name), Line: d.Line, Column: d.Column}
				g.report(Error{Place: p, Message: text(d, "kind") + " " + text(d, "metadata", "name") + " can't be followed, so what it builds is not checked", Unfollowed: true})
			}
		}
	}
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
