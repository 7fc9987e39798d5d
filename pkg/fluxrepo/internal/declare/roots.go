package declare

import (
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// roots are the Kustomizations that no other builds, except those that are inactive: their line is commented out, and nothing
// is reached only through them. Of those that build each other, the first is one.
func (r *Repository) roots(shown []*Kustomization) (roots []*Kustomization) {
	var alone, commentedOut, others []*Kustomization
	for _, k := range shown {
		switch isRead := r.IsRead(k.File, k); {
		case !isRead && r.isCommentedOut(k):
			commentedOut = append(commentedOut, k)
		case !isRead:
			alone = append(alone, k)
		default:
			others = append(others, k)
		}
	}
	reached := r.Reach()
	add := func(candidates []*Kustomization, least int) { // least is how many a root reaches that none before it does
		for _, k := range candidates {
			before := len(reached.Kustomizations)
			reached.add(k)
			if len(reached.Kustomizations)-before >= least {
				roots = append(roots, k)
			}
		}
	}
	add(alone, 1)
	add(commentedOut, 2)
	add(others, 1)
	slices.SortStableFunc(roots, func(a, b *Kustomization) int { return strings.Compare(a.File, b.File) })
	return roots
}

// isCommentedOut reports whether a kustomization at or above the file of a Kustomization that no other reads is read itself, and
// lists resources. One that lists nothing decides nothing.
func (r *Repository) isCommentedOut(k *Kustomization) bool {
	for dir := range up(path.Dir(k.File)) {
		if p := r.tree.Kustomization(dir, r.Ignore); p != "" && r.IsRead(p, k) && r.Reader.Folder(r.Ignore, dir).Lists() {
			return true
		}
	}
	return false
}

// Reached are Kustomizations and all that they lead to, and the folders that these read, each once.
type Reached struct {
	Kustomizations []*Kustomization
	Folders        []*overlay.Folder

	decl *Repository
	seen map[any]bool
}

// Reach goes from some Kustomizations to those that stand in what they read.
func (r *Repository) Reach(from ...*Kustomization) *Reached {
	out := &Reached{decl: r, seen: map[any]bool{}}
	for _, k := range from {
		out.add(k)
	}
	return out
}

func (r *Reached) add(k *Kustomization) {
	if r.seen[k] {
		return
	}
	r.seen[k], r.Kustomizations = true, append(r.Kustomizations, k)
	for _, f := range k.Folders {
		if r.seen[f] {
			continue
		}
		r.seen[f], r.Folders = true, append(r.Folders, f)
		for _, p := range overlay.Files(f) {
			for _, in := range r.decl.In[p] {
				r.add(in)
			}
		}
	}
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
