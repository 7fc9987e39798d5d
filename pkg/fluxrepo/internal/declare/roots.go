package declare

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// roots are the Kustomizations that no other builds, except those that are inactive: their line is commented out, and nothing
// is reached only through them. Of those that build each other, the one that lies in what it builds itself comes first, as the
// bootstrap of Flux makes it.
func (r *Repository) roots() (roots []*Kustomization) {
	rank := func(k *Kustomization) int {
		switch {
		case !k.HasParent:
			return 0
		case k.Problem == "" && worktree.Within(k.File, k.Path):
			return 1
		}
		return 2
	}
	candidates := slices.DeleteFunc(slices.Clone(r.All), func(k *Kustomization) bool { return r.Hidden(k.File) })
	slices.SortStableFunc(candidates, func(a, b *Kustomization) int { return cmp.Compare(rank(a), rank(b)) })
	reached := map[*Kustomization]int{} // by how many of them; what only inactive ones build nothing builds
	for _, k := range candidates {
		if !k.HasParent || reached[k] == 0 {
			roots = append(roots, k)
			for c := range Reach(k) {
				reached[c]++
			}
		}
	}
	roots = slices.DeleteFunc(roots, func(k *Kustomization) bool {
		leads := false
		for c := range Reach(k) {
			leads = leads || c != k && reached[c] == 1
		}
		return !k.HasParent && !leads && r.commentedOut(k)
	})
	slices.SortStableFunc(roots, func(a, b *Kustomization) int { return strings.Compare(a.File, b.File) })
	return roots
}

// commentedOut reports whether a kustomization at or above the file, inside of a folder that is built, lists other
// resources but not this one. One that lists nothing decides nothing.
func (r *Repository) commentedOut(k *Kustomization) bool {
	built := func(dir string) bool {
		return slices.ContainsFunc(r.All, func(up *Kustomization) bool { return up != k && up.Problem == "" && worktree.Within(dir, up.Path) })
	}
	for dir := k.File; dir != "."; {
		if dir = path.Dir(dir); !built(dir) {
			break
		}
		if r.tree.Kustomization(dir, r.Ignore) != "" {
			f := r.Reader.Folder(r.Ignore, dir)
			if f.Lists() && !overlay.Read(overlay.All(f), func(p string) bool { return p == k.File }) {
				return true
			}
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

// Hidden reports whether a file is not looked at unless something builds it: its name says so, or no source of this repository
// has it.
func (r *Repository) Hidden(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, ".") && part != "." {
			return true
		}
	}
	has := func(g *worktree.Ignore) bool { return !g.File(p) }
	return r.Ignore.File(p) || r.globs.File(p) || len(r.artifacts) > 0 && !slices.ContainsFunc(r.artifacts, has)
}
