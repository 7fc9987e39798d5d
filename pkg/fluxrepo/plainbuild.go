package fluxrepo

import (
	"path"
	"slices"

	"go.yaml.in/yaml/v3"
)

// buildPlain builds the outermost kustomizations that none of Flux's builds, where what can't be seen may
// build them. It returns what they make: a release is what such a kustomization makes of its file.
func (g *graph) buildPlain(in *input) []*cluster {
	var out []*cluster
	tried := map[*tree]bool{}
	plain := g.outermost()
	for again := true; again; { // one that fails, or leads elsewhere, puts more in question
		before := g.elsewhere
		for _, t := range plain {
			if tried[t] || g.ctx.Err() != nil || !g.mayBeBuilt(in, t) {
				continue
			}
			tried[t] = true
			if t.node == nil {
				g.brokenOverlay(t)
				continue
			}
			n := &node{
				graph: g, cluster: &cluster{dir: t.dir, plain: true}, file: t.file.path, name: t.dir, path: t.dir, trees: []*tree{t},
				spec: &yaml.Node{Kind: yaml.MappingNode}, json: []byte("{}"), vars: g.loose, written: plainly,
			}
			// What Flux's Kustomizations in it lead to is not followed from here, so only its own files count beside others.
			if !g.hot(n) || len(g.raw) > 0 && !g.allHot && !g.hotFiles(t) {
				continue
			}
			n.cluster.nodes = []*node{n}
			out = append(out, n.cluster)
			g.build(n)
		}
		again = g.elsewhere != before
	}
	g.clusters = append(g.clusters, out...)
	return out
}

// brokenOverlay reports a kustomization that can't be read, where a release may lie in its reach.
func (g *graph) brokenOverlay(t *tree) {
	for _, name := range g.sortedFiles() {
		if f := g.files[name]; f.marks&markRelease == 0 || f.marks&markWord == 0 || !within(name, t.dir) {
			continue
		}
		for _, h := range t.holes {
			g.report(Error{Place: h.place, Message: h.problem, Fatal: true})
		}
		return
	}
}

// mayBeBuilt tells whether anything of a tree is judged like what is built.
func (g *graph) mayBeBuilt(in *input, t *tree) bool {
	may := false
	t.all(func(f *file) bool {
		may = may || g.inFull(in, f.path)
		return !may
	})
	return may
}

// outermost are the kustomizations that neither one of Flux's nor another reads. Of those that read each
// other the first counts; that they do is an error of the build.
func (g *graph) outermost() []*tree {
	covered := g.foldersBuilt()
	var all []*tree
	used := map[*tree]bool{}
	for _, name := range g.sortedFiles() {
		d := g.dirs[path.Dir(name)]
		if d == nil || d.ks != path.Base(name) || g.hidden(name) || covered[d.path] {
			continue
		}
		t := g.tree(g.ignore, d.path)
		all = append(all, t)
		for _, s := range t.subs {
			if s != t {
				used[s] = true
			}
		}
	}
	var out []*tree
	reached := map[*tree]bool{}
	add := func(t *tree) {
		if !reached[t] && text(t.node, "kind") != "Component" {
			out = append(out, t)
			t.walk(func(t *tree) bool { reached[t] = true; return true })
		}
	}
	for _, t := range all {
		if !used[t] {
			add(t)
		}
	}
	for _, t := range all { // loops
		if used[t] && inLoop(t) {
			add(t)
		}
	}
	return out
}

// inLoop tells whether a kustomization reads itself.
func inLoop(t *tree) bool {
	return slices.ContainsFunc(t.subs, func(s *tree) bool {
		found := false
		s.walk(func(s *tree) bool { found = found || s == t; return !found })
		return found
	})
}

// foldersBuilt are the folders that Flux's Kustomizations read.
func (g *graph) foldersBuilt() map[string]bool {
	out := map[string]bool{}
	for _, c := range g.clusters {
		for _, n := range c.nodes {
			for _, t := range n.trees {
				t.walk(func(t *tree) bool { out[t.dir] = true; return true })
			}
		}
	}
	return out
}
