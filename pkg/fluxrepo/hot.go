package fluxrepo

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// connect finds which Kustomizations lie in what others build, and which of all could lead to a release
// of Spegel's.
func (g *graph) connect() {
	g.allHot = g.allHot || g.disguised()
	for _, k := range g.raw {
		if k.known {
			k.tree = g.tree(k.ignore, k.path)
			k.children = g.childrenOf(k)
		}
	}
	var ignore *ignored
	for _, k := range g.raw {
		if k.known {
			g.allHot = g.allHot || ignore != nil && k.ignore != ignore // it may depend on what builds it
			ignore = k.ignore
		}
	}
	many := g.manySources()
	for _, k := range g.raw {
		k.hot = many && text(k.node, "spec", "sourceRef", "kind") != "GitRepository" || g.hotAlone(k)
	}
	for changed := true; changed; {
		changed = false
		for _, k := range g.raw {
			if !k.hot && slices.ContainsFunc(k.children, func(c *rawKustomization) bool { return c.hot }) {
				k.hot, changed = true, true
			}
		}
	}
}

// childrenOf are the Kustomizations that stand in what another builds.
func (g *graph) childrenOf(k *rawKustomization) []*rawKustomization {
	var out []*rawKustomization
	seen := map[*rawKustomization]bool{k: true}
	for _, t := range g.treesOf(k.tree, k.node) {
		t.walk(func(t *tree) bool {
			for _, f := range t.resources {
				for _, c := range g.rawIn[f] {
					if !seen[c] {
						seen[c] = true
						out = append(out, c)
					}
				}
			}
			return true
		})
	}
	return out
}

// hotAlone tells whether anything of Spegel's could come of a Kustomization without those below it.
func (g *graph) hotAlone(k *rawKustomization) bool {
	if g.allHot || k.file.marks&(markWord|markMovesReading|markTooLarge) != 0 {
		return true
	}
	if g.shapesWord(k.node) {
		return true
	}
	if !k.known || g.strange(k) || slices.ContainsFunc(items(child(child(k.node, "spec"), "components")), isVariable) {
		return true // it depends on what builds it
	}
	trees := g.treesOf(k.tree, k.node)
	return slices.ContainsFunc(trees, g.hotFiles) || g.opaque(trees, k.node)
}

// manySources tells whether Kustomizations have different sources, so that it takes the chain that builds
// one to say if its own is this repository.
func (g *graph) manySources() bool {
	first, ns := "", ""
	for _, k := range g.raw {
		name := text(k.node, "spec", "sourceRef", "kind") + " " + text(k.node, "spec", "sourceRef", "name")
		if first != "" && first != name || ns != "" && k.sourceNamespace() != "" && ns != k.sourceNamespace() {
			return true
		}
		first, ns = name, cmp.Or(ns, k.sourceNamespace())
	}
	return false
}

func isVariable(n *yaml.Node) bool { return strings.Contains(deref(n).Value, "$") }

// treesOf adds the components that a Kustomization names to its tree.
func (g *graph) treesOf(t *tree, spec *yaml.Node) []*tree {
	var out []*tree
	if t != nil {
		out = append(out, t)
	}
	base, _ := g.folderOf(text(spec, "spec", "path"))
	for _, c := range items(child(child(spec, "spec"), "components")) {
		if p, ok := resolve(base, c.Value); ok && t != nil && g.dirs[p] != nil {
			out = append(out, g.tree(t.ignore, p))
		}
	}
	return out
}

// hotFiles tells whether a file of a tree names anything of Spegel's.
func (g *graph) hotFiles(t *tree) bool {
	hot := false
	t.walk(func(t *tree) bool {
		hot = hot || g.completes(text(t.node, "namePrefix"), text(t.node, "nameSuffix"))
		return !hot
	})
	t.all(func(f *file) bool {
		hot = hot || f.marks&(markWord|markMovesReading|markTooLarge) != 0 || f.err != nil
		return !hot
	})
	return hot
}

// shapesWord tells whether what a Kustomization itself holds may make a release Spegel's, without naming it.
func (g *graph) shapesWord(k *yaml.Node) bool {
	return veiled(k) || g.completes(text(k, "spec", "namePrefix"), text(k, "spec", "nameSuffix"))
}

// hot tells whether a Kustomization has to be built.
func (g *graph) hot(n *node) bool {
	if g.opts.NoPrune {
		return true
	}
	return g.couldLead(n)
}

func (g *graph) couldLead(n *node) bool { return g.leadsThere(n) || g.opaque(n.trees, n.spec) }

// leadsThere tells whether the files say that something of Spegel's comes of a Kustomization.
func (g *graph) leadsThere(n *node) bool {
	if g.allHot || g.hasWord(n.text) || g.shapesWord(n.spec) || moves.Match(n.text) {
		return true
	}
	hot := false
	for _, t := range n.trees {
		hot = hot || g.hotFiles(t)
		t.walk(func(t *tree) bool {
			for _, f := range t.resources {
				for _, k := range g.rawIn[f] {
					hot = hot || k.hot
				}
			}
			return !hot
		})
	}
	return hot
}
