package fluxgraph

import (
	"bytes"
	"cmp"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// Why an object is not found: the cluster has none or, with a reason that is exported, it is not known what it has.
const (
	absent    = "not in this repository"
	unbuilt   = "nothing builds it"
	elsewhere = "only in another cluster of this repository"
	Several   = "there are several, and which one counts is not known"
	Unread    = "perhaps in a file that can't be read"
)

// Find looks for an object where the cluster would have it that runs a release. missing says why there is none.
func (g *Graph) Find(of *Object, kind, ns, name string) (o *Object, missing string) {
	n := of.By
	if n == nil {
		n = &Instance{Kustomization: &declare.Kustomization{File: of.File}, Plain: true}
	}
	return g.find(n, n.cluster, kind, ns, name)
}

// find looks for an object where a cluster that an instance knows would have it: in what is emitted there, by the chain that
// has most in common with its own, then in files that nobody reads. Roots in one folder are mostly of one cluster, but may be
// of several.
func (g *Graph) find(n *Instance, cluster, kind, ns, name string) (o *Object, missing string) {
	fits := func(o *Object) bool {
		return o.Kind == kind && o.Name == name && (o.Namespace == ns || o.Namespace == "" || ns == "")
	}
	var found []*Object
	missing = absent
	for _, o := range g.index[objectKey{kind, name}] {
		switch {
		case !fits(o):
		case o.By.cluster != cluster:
			missing = elsewhere
		default:
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		found, missing = g.search(n, name, fits, missing)
	}
	if len(found) == 0 || missing == Unread && !slices.ContainsFunc(found, func(o *Object) bool { return o.Namespace == ns }) {
		return nil, missing
	}
	rank := func(o *Object) (rank int) {
		if o.Namespace == ns {
			rank = 1
		}
		if o.By == nil {
			return rank + 2*worktree.Shared(o.File, n.File)
		}
		return rank + 2*worktree.Shared(o.By.key, n.key)
	}
	best := slices.MaxFunc(found, func(a, b *Object) int { return cmp.Compare(rank(a), rank(b)) })
	if slices.ContainsFunc(found, func(o *Object) bool { return rank(o) == rank(best) && !bytes.Equal(o.Text, best.Text) }) {
		return nil, Several
	}
	return best, ""
}

// search looks in files that nobody reads. missing is known of why nothing is found; why is that, or why nothing more is.
func (g *Graph) search(n *Instance, name string, fits func(*Object) bool, missing string) (found []*Object, why string) {
	reads := n.Files()
	for _, p := range g.Tree.Paths() {
		f := g.Tree.File(p)
		if f.Marks&(worktree.Data|worktree.Source) == 0 || !g.Tree.Mentions(p, substitute.Written(name)) || !f.IsManifest() || g.Declared.Hidden(p) ||
			!n.Plain && g.Declared.IsRead(p, nil) || slices.Contains(reads, p) {
			continue
		}
		here := slices.DeleteFunc(slices.Clone(g.standing(p)), func(o *Object) bool { return !fits(o) })
		switch _, err := g.Tree.Documents(p); {
		case !g.Complete || n.Plain || g.besideRoot(p):
			found = append(found, here...)
			if err != nil {
				missing = Unread
			}
		case len(here) > 0 && missing != Unread:
			missing = unbuilt
		}
	}
	return found, missing
}

// besideRoot reports whether a file lies beside, or below, a Kustomization that nothing builds: what applies the one may
// apply the other.
func (g *Graph) besideRoot(file string) bool {
	return slices.ContainsFunc(g.Declared.Roots, func(d *declare.Kustomization) bool {
		dir := path.Dir(d.File)
		return !g.Declared.IsRead(d.File, d) && (path.Dir(file) == dir || dir != "." && worktree.Within(file, dir))
	})
}
