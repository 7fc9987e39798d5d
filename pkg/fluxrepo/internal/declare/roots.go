package declare

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// roots are the Kustomizations that no other builds, except those that are inactive. Of those that build each other,
// the one that lies in what it builds itself comes first, as the bootstrap of Flux makes it.
func (r *Repository) roots() (roots []*Kustomization) {
	candidates := slices.DeleteFunc(slices.Clone(r.All), func(k *Kustomization) bool { return r.HoldsNoRoot(k.File) })
	first := slices.DeleteFunc(slices.Clone(candidates), func(k *Kustomization) bool { return k.HasParent })
	rank := func(k *Kustomization) int {
		switch {
		case !k.HasParent:
			return 0
		case k.ours && worktree.Within(k.File, k.path):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(candidates, func(a, b *Kustomization) int { return cmp.Compare(rank(a), rank(b)) })
	reached := map[*Kustomization]bool{} // what only inactive ones build nothing builds
	for _, k := range candidates {
		if reached[k] {
			continue
		}
		maps.Copy(reached, Reach(k))
		if k.HasParent || !r.commentedOut(k) || leadsAlone(k, first) {
			roots = append(roots, k)
		}
	}
	slices.SortStableFunc(roots, func(a, b *Kustomization) int { return strings.Compare(a.File, b.File) })
	return roots
}

// commentedOut reports whether the nearest kustomization at or above the file, inside of a folder that is built,
// lists other resources but not this one. One that lists nothing decides nothing.
func (r *Repository) commentedOut(k *Kustomization) bool {
	for dir := path.Dir(k.File); ; dir = path.Dir(dir) {
		built := slices.ContainsFunc(r.All, func(up *Kustomization) bool { return up != k && up.ours && worktree.Within(dir, up.path) })
		if !built {
			return false
		}
		if r.tree.Kustomization(r.tree.Dir(dir), r.Ignore) != "" {
			f := r.Reader.Folder(r.Ignore, dir)
			listed := false
			f.Files(func(p string) bool { listed = listed || p == k.File; return !listed })
			return !listed && f.Lists()
		}
		if dir == "." {
			return false
		}
	}
}

// leadsAlone reports whether another Kustomization is reached only through one.
func leadsAlone(k *Kustomization, roots []*Kustomization) bool {
	others := Reach(slices.DeleteFunc(slices.Clone(roots), func(r *Kustomization) bool { return r == k })...)
	for c := range Reach(k.Children...) {
		if c != k && !others[c] {
			return true
		}
	}
	return false
}

// Reach are some Kustomizations, and all that they lead to.
func Reach(from ...*Kustomization) map[*Kustomization]bool {
	seen := map[*Kustomization]bool{}
	var visit func([]*Kustomization)
	visit = func(list []*Kustomization) {
		for _, k := range list {
			if !seen[k] {
				seen[k] = true
				visit(k.Children)
			}
		}
	}
	visit(from)
	return seen
}

// patterns are the globs of the user as those of .gitignore. They begin at the root of the repository.
func patterns(globs []string) string {
	var b strings.Builder
	for _, glob := range globs {
		b.WriteString(path.Join("/", strings.TrimSuffix(path.Clean(glob), "/**")) + "\n")
	}
	return b.String()
}

// Hidden reports whether a file is not looked at unless something builds it.
func (r *Repository) Hidden(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, ".") && part != "." {
			return true
		}
	}
	return r.Ignore.File(p) || r.globs.File(p)
}

// HoldsNoRoot reports whether nothing in a file counts unless something builds it: it is hidden, or no source of
// this repository has it.
func (r *Repository) HoldsNoRoot(p string) bool {
	left := false
	for _, k := range r.All {
		if k.ours && !k.ignore.File(k.File) {
			if !k.ignore.File(p) {
				return r.Hidden(p)
			}
			left = true
		}
	}
	return left || r.Hidden(p)
}
