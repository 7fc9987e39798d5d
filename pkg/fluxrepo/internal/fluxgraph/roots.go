package fluxgraph

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// roots are the Kustomizations that no other builds, except those that are inactive. Of those that build each other,
// the one that lies in what it builds itself comes first, as the bootstrap of Flux makes it.
func (g *Graph) roots() []*declaration {
	candidates := slices.DeleteFunc(slices.Clone(g.declarations), func(d *declaration) bool {
		return !d.hasParent && g.holdsNoRoot(d.file)
	})
	first := slices.DeleteFunc(slices.Clone(candidates), func(d *declaration) bool { return d.hasParent })
	var asleep []*declaration
	for _, d := range first {
		if g.commentedOut(d) && !leadsAlone(d, first) {
			asleep = append(asleep, d)
		}
	}
	roots := slices.DeleteFunc(slices.Clone(first), func(d *declaration) bool { return slices.Contains(asleep, d) })
	reached := reach(roots)
	for d := range reach(asleep) { // what only these build nothing builds
		reached[d] = true
	}
	slices.SortStableFunc(candidates, func(a, b *declaration) int { return cmp.Compare(a.selfless(), b.selfless()) })
	for _, d := range candidates { // loops
		if !reached[d] && d.hasParent && !g.holdsNoRoot(d.file) {
			roots = append(roots, d)
			for c := range reach([]*declaration{d}) {
				reached[c] = true
			}
		}
	}
	slices.SortStableFunc(roots, func(a, b *declaration) int { return strings.Compare(a.file, b.file) })
	return roots
}

func (d *declaration) selfless() int {
	if d.ours && worktree.Within(d.file, d.path) {
		return 0
	}
	return 1
}

// commentedOut reports whether the nearest kustomization at or above the file, inside of a folder that is built,
// lists other resources but not this one. One that lists nothing decides nothing.
func (g *Graph) commentedOut(d *declaration) bool {
	for dir := path.Dir(d.file); ; dir = path.Dir(dir) {
		built := slices.ContainsFunc(g.declarations, func(up *declaration) bool {
			return up != d && up.ours && worktree.Within(dir, up.path)
		})
		if !built {
			return false
		}
		if g.tree.Kustomization(g.tree.Dir(dir), g.ignore) != "" {
			f := g.reader.Folder(g.ignore, dir)
			listed := false
			f.Files(func(p string) bool { listed = listed || p == d.file; return !listed })
			return !listed && f.Lists()
		}
		if dir == "." {
			return false
		}
	}
}

// leadsAlone reports whether another Kustomization is reached only through one.
func leadsAlone(d *declaration, roots []*declaration) bool {
	others := reach(slices.DeleteFunc(slices.Clone(roots), func(r *declaration) bool { return r == d }))
	for c := range reach(d.children) {
		if c != d && !others[c] {
			return true
		}
	}
	return false
}

// reach are the Kustomizations that some lead to, and these.
func reach(from []*declaration) map[*declaration]bool {
	seen := map[*declaration]bool{}
	var visit func([]*declaration)
	visit = func(list []*declaration) {
		for _, d := range list {
			if !seen[d] {
				seen[d] = true
				visit(d.children)
			}
		}
	}
	visit(from)
	return seen
}

// hidden reports whether a file is not looked at unless something builds it.
func (g *Graph) hidden(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, ".") && part != "." {
			return true
		}
	}
	return g.ignore.File(p) || g.globbed(p)
}

// holdsNoRoot reports whether nothing in a file counts unless something builds it: it is hidden, or no source of
// this repository has it.
func (g *Graph) holdsNoRoot(p string) bool {
	left := false
	for _, d := range g.declarations {
		if d.ours && !d.ignore.File(d.file) {
			if !d.ignore.File(p) {
				return g.hidden(p)
			}
			left = true
		}
	}
	return left || g.hidden(p)
}

// globbed reports whether a path, or a folder above it, matches --ignore. A ** stands for any folders.
func (g *Graph) globbed(p string) bool {
	for _, glob := range g.o.Ignore {
		glob = strings.TrimSuffix(strings.TrimPrefix(path.Clean(glob), "./"), "/**")
		for up := p; up != "." && up != "/"; up = path.Dir(up) {
			if matchGlob(strings.Split(glob, "/"), strings.Split(up, "/")) {
				return true
			}
		}
	}
	return false
}

func matchGlob(glob, p []string) bool {
	if len(glob) == 0 {
		return len(p) == 0
	}
	if glob[0] == "**" {
		for i := range len(p) + 1 {
			if matchGlob(glob[1:], p[i:]) {
				return true
			}
		}
		return false
	}
	if len(p) == 0 {
		return false
	}
	ok, err := path.Match(glob[0], p[0])
	return err == nil && ok && matchGlob(glob[1:], p[1:])
}
