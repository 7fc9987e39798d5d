package fluxrepo

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expandAll follows the outermost Kustomizations and what they build.
func (g *graph) expandAll() {
	roots := g.roots()
	g.live = reachable(roots)
	byDir := map[string]*cluster{}
	var starts []*node
	for _, k := range roots {
		dir := path.Dir(k.file.path)
		c := byDir[dir]
		if c == nil {
			c = &cluster{dir: dir}
			byDir[dir] = c
			g.clusters = append(g.clusters, c)
		}
		text, err := yaml.Marshal(k.node)
		if err != nil {
			continue // can't be: it was decoded
		}
		if n := g.newNode(nil, c, text, k.file.path, plainly); n != nil {
			c.nodes = append(c.nodes, n)
			starts = append(starts, n)
		}
	}
	for _, n := range starts {
		g.expand(n)
	}
}

// roots are the Kustomizations that no other builds. Of those that build each other, the one that lies
// in what it builds itself comes first, as Flux's bootstrap makes it.
func (g *graph) roots() []*rawKustomization {
	reached := map[*rawKustomization]bool{}
	var reach func(*rawKustomization)
	reach = func(k *rawKustomization) {
		for _, c := range k.children {
			if !reached[c] {
				reached[c] = true
				reach(c)
			}
		}
	}
	hasParent := map[*rawKustomization]bool{}
	for _, k := range g.raw {
		for _, c := range k.children {
			hasParent[c] = true
		}
	}
	var roots []*rawKustomization
	add := func(k *rawKustomization) {
		if !reached[k] {
			reached[k] = true
			roots = append(roots, k)
			reach(k)
		}
	}
	left := func(k *rawKustomization) bool {
		return !hasParent[k] && (g.hidden(k.file.path) || g.leftOut(k, hasParent))
	}
	candidates := slices.DeleteFunc(slices.Clone(g.raw), left)
	for _, k := range candidates {
		if !hasParent[k] {
			add(k)
			if selfless(k) == 1 {
				g.lone = append(g.lone, path.Dir(k.file.path))
			}
		}
	}
	for _, k := range g.raw {
		if left(k) {
			reach(k) // what only these build nothing builds
		}
	}
	slices.SortStableFunc(candidates, func(a, b *rawKustomization) int {
		return cmp.Compare(selfless(a), selfless(b))
	})
	for _, k := range candidates { // loops
		add(k)
	}
	slices.SortStableFunc(roots, func(a, b *rawKustomization) int { return strings.Compare(a.file.path, b.file.path) })
	return roots
}

func selfless(k *rawKustomization) int {
	if k.known && within(k.file.path, k.path) {
		return 0
	}
	return 1
}

// leftOut tells whether a Kustomization that no other builds stands in what another builds, and was left
// out of there: it is not in the kustomization.yaml, or spec.ignore of the source is about it. What lies
// beside the other, or builds the folder that it lies in, may have been applied by hand, as a bootstrap
// does.
func (g *graph) leftOut(k *rawKustomization, hasParent map[*rawKustomization]bool) bool {
	holds := func(up, k *rawKustomization) bool {
		return up != k && up.known && within(k.file.path, up.path) && path.Dir(up.file.path) != path.Dir(k.file.path)
	}
	applied := func(up *rawKustomization) bool {
		return hasParent[up] || selfless(up) == 0 || !slices.ContainsFunc(g.raw, func(other *rawKustomization) bool { return holds(other, up) })
	}
	return selfless(k) == 1 && slices.ContainsFunc(g.raw, func(up *rawKustomization) bool {
		return holds(up, k) && !up.ignore.file(up.file.path) && applied(up)
	})
}

// leftOutOfAll tells whether spec.ignore of every source leaves a file out.
func (g *graph) leftOutOfAll(p string) bool {
	left := false
	for _, k := range g.raw {
		if k.known && !k.ignore.file(k.file.path) {
			if !k.ignore.file(p) {
				return false
			}
			left = true
		}
	}
	return left
}

// hidden tells what is not looked at unless something builds it.
func (g *graph) hidden(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, ".") && part != "." {
			return true
		}
	}
	return g.ignore.file(p) || g.globbed(p)
}

// expand builds a Kustomization if anything of Spegel's could come of it, and goes on with what it emits.
func (g *graph) expand(n *node) {
	if n.problem != "" {
		g.elsewhere = g.elsewhere || !n.gone
		if n.gone && n.parent != nil {
			g.reportOf(n, Error{Place: g.placeOfKustomization(n), Message: "Kustomization " + n.written(n.name) + ": " + n.problem, Unfollowed: true})
		}
		return
	}
	if !g.hot(n) || g.ctx.Err() != nil {
		return
	}
	g.build(n)
	for _, o := range n.built.objects {
		switch {
		case o.kind == "ResourceSet" || o.kind == "ArtifactGenerator":
			g.elsewhere = true
		case o.kind == "Kustomization" && strings.HasPrefix(o.apiVersion, fluxGroup+"/"):
			g.adopt(n, o)
		}
	}
}

// build runs kustomize for a node, once.
func (g *graph) build(n *node) {
	if n.expanded || n.problem != "" {
		return
	}
	n.expanded = true
	b := g.run(n)
	n.built = &built{err: b.err}
	for _, o := range b.objects {
		own := *o
		own.by = n
		n.built.objects = append(n.built.objects, &own)
	}
	g.reportBuild(n)
}

// adopt follows a Kustomization that another emits.
func (g *graph) adopt(n *node, o *object) {
	g.nodes++
	if g.nodes > maxNodesSeen || len(n.chain()) > maxDepth {
		g.reportOf(n, Error{
			Place: Place{File: g.show(n.file)}, Fatal: true,
			Message: fmt.Sprintf("builds more Kustomizations than can be followed (%d, or %d in a chain)", maxNodesSeen, maxDepth),
		})
		return
	}
	text, left, err := n.scope().leave(o)
	if err != nil {
		g.reportOf(n, Error{Place: Place{File: g.show(o.file)}, Message: "variables can't be put in: " + plain(err), Fatal: true})
		return
	}
	file := o.file
	if file == "" {
		file = n.file
	}
	c := g.newNode(n, n.cluster, text, file, g.asWritten(o))
	if c == nil {
		return
	}
	c.left = left
	if slices.ContainsFunc(n.chain(), c.again) {
		return // a loop, or Flux's own
	}
	n.cluster.nodes = append(n.cluster.nodes, c)
	g.expand(c)
}
