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

// Why an object is not found.
const (
	absent    = "not in this repository"
	unbuilt   = "nothing builds it"
	elsewhere = "only in another cluster of this repository"
	several   = "there are several, and which one counts is not known"
)

// IsAbsent reports whether a reason of Find says that the cluster has no such object.
func IsAbsent(missing string) bool { return missing != several }

// Find looks for an object where the cluster would have it that runs a release. missing says why there is none.
func (g *Graph) Find(of *Object, kind, ns, name string) (o *Object, missing string) {
	if of.By == nil {
		return g.search(kind, ns, name, of.File, func(string) bool { return true })
	}
	return g.find(of.By, of.By.cluster, kind, ns, name)
}

// find looks for an object where a cluster that an instance knows would have it: in what is emitted there, by the chain that
// has most in common with its own, then in files that nobody reads. Roots in one folder are mostly of one cluster, but may be
// of several.
func (g *Graph) find(n *Instance, cluster, kind, ns, name string) (o *Object, missing string) {
	var found []*Object
	away := false
	for _, o := range g.index[objectKey{kind, name}] {
		switch {
		case o.Namespace != ns && o.Namespace != "" && ns != "":
		case o.By.cluster != cluster:
			away = true
		default:
			found = append(found, o)
		}
	}
	if len(found) > 0 {
		return best(found, ns, func(o *Object) int { return worktree.Shared(o.By.key, n.key) })
	}
	o, missing = g.search(kind, ns, name, n.File, func(p string) bool {
		return (n.Plain || !g.Declared.IsRead(p, nil)) && !n.Reads(func(own string) bool { return own == p })
	})
	switch {
	case missing == absent && away:
		return nil, elsewhere
	case o != nil && g.Complete && !n.Plain && !g.besideRoot(o.File):
		return nil, unbuilt
	}
	return o, missing
}

// besideRoot reports whether a file lies beside, or below, a Kustomization that nothing builds: what applies the one may
// apply the other.
func (g *Graph) besideRoot(file string) bool {
	return slices.ContainsFunc(g.Declared.Roots, func(d *declare.Kustomization) bool {
		dir := path.Dir(d.File)
		return !g.Declared.IsRead(d.File, d) && (path.Dir(file) == dir || dir != "." && worktree.Within(file, dir))
	})
}

// search looks in the files themselves, nearest to a file first.
func (g *Graph) search(kind, ns, name, near string, counts func(file string) bool) (o *Object, missing string) {
	var found []*Object
	for _, p := range g.Tree.Paths() {
		f := g.Tree.File(p)
		if f.Marks&(worktree.Data|worktree.Source) == 0 || !g.Tree.Mentions(p, substitute.Written(name)) || !f.IsManifest() || g.Declared.Hidden(p) || !counts(p) {
			continue
		}
		for _, d := range g.objects(p, kind, substitute.Written(name)) {
			if o := g.loose(p, d); o.Name == name && (o.Namespace == ns || o.Namespace == "" || ns == "") {
				found = append(found, o)
			}
		}
	}
	if len(found) == 0 {
		return nil, absent
	}
	return best(found, ns, func(o *Object) int { return worktree.Shared(o.File, near) })
}

// best picks the object that is nearest and, of those, has that very namespace. Others like it have to be the same.
func best(found []*Object, ns string, nearness func(*Object) int) (o *Object, missing string) {
	rank := func(o *Object) int {
		if o.Namespace == ns {
			return 2*nearness(o) + 1
		}
		return 2 * nearness(o)
	}
	highest := slices.MaxFunc(found, func(a, b *Object) int { return cmp.Compare(rank(a), rank(b)) })
	for _, other := range found {
		if rank(other) == rank(highest) && !bytes.Equal(other.Text, highest.Text) {
			return nil, several
		}
	}
	return highest, ""
}
