package fluxgraph

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Why an object is not found.
const (
	absent    = "not in this repository"
	unbuilt   = "nothing builds it"
	several   = "built in several ways, and which one counts is not known"
	elsewhere = "only in another cluster, which spec.kubeConfig leads to or from"
)

// Find looks for an object where the cluster would have it that runs a release. missing says why there is none.
func (g *Graph) Find(of *Object, kind, ns, name string) (o *Object, missing string) {
	if of.By == nil || of.By.Plain {
		return g.findPlain(of, kind, ns, name)
	}
	return g.find(of.By, of.By.fills, kind, ns, name, of.By.File)
}

// find looks for an object where a cluster that a Kustomization knows would have it: in what the chain emits, then in
// what other Kustomizations of its root emit, then in what those of other roots do. Roots in one folder are mostly of
// one cluster, but may be of several.
func (g *Graph) find(n *Instance, cluster, kind, ns, name, near string) (o *Object, missing string) {
	g.looked = true
	var found, own, others []*Object
	away := false
	for _, o := range g.index[objectKey{n.cluster, kind, name}] {
		switch {
		case o.Namespace != ns && o.Namespace != "" && ns != "":
		case o.By.fills != cluster:
			away = true
		default:
			found = append(found, o)
		}
	}
	if emitted := emittedBy(n, found); emitted != nil {
		return exact(emitted, ns)[0], ""
	}
	for _, o := range found {
		if o.By.Root().key == n.Root().key {
			own = append(own, o)
		} else {
			others = append(others, o)
		}
	}
	switch {
	case len(own) > 0:
		return theOne(own, ns)
	case len(others) > 0:
		return theOne(others, ns)
	case away:
		return nil, elsewhere
	}
	stray, missing := g.search(kind, ns, name, near, func(p string) bool { return !g.decl.Read[p] })
	if stray != nil && !g.besideRoot(stray.File) {
		if g.Complete {
			return nil, unbuilt
		}
		g.stray = true
	}
	return stray, missing
}

// emittedBy are those of the objects that the nearest Kustomization of a chain emits which emits any.
func emittedBy(n *Instance, objects []*Object) (emitted []*Object) {
	for ; n != nil && emitted == nil; n = n.Parent {
		for _, o := range objects {
			if o.By.key == n.key {
				emitted = append(emitted, o)
			}
		}
	}
	return emitted
}

// besideRoot reports whether a file lies beside, or below, a Kustomization that nothing builds: what applies the one may
// apply the other.
func (g *Graph) besideRoot(file string) bool {
	return slices.ContainsFunc(g.decl.Roots, func(d *declare.Kustomization) bool {
		dir := path.Dir(d.File)
		return d.IsRoot() && (path.Dir(file) == dir || dir != "." && worktree.Within(file, dir))
	})
}

// findPlain looks beside what no Kustomization of Flux builds: in what the same plain kustomization makes, then in the
// files that it does not read.
func (g *Graph) findPlain(of *Object, kind, ns, name string) (o *Object, missing string) {
	reads := map[string]bool{}
	if of.By != nil {
		var own []*Object
		for _, o := range of.By.Objects {
			if o.Kind == kind && o.Name == name && (o.Namespace == ns || o.Namespace == "" || ns == "") {
				own = append(own, o)
			}
		}
		if len(own) > 0 {
			return theOne(own, ns)
		}
		of.By.Files(func(p string) bool { reads[p] = true; return true })
	}
	near := of.File
	if of.By != nil {
		near = of.By.File
	}
	return g.search(kind, ns, name, near, func(p string) bool { return !reads[p] })
}

// search looks in the files themselves, nearest to a file first.
func (g *Graph) search(kind, ns, name, near string, counts func(file string) bool) (o *Object, missing string) {
	var found []*Object
	for _, p := range g.named(name) {
		f := g.tree.File(p)
		if f.Marks&(worktree.Data|worktree.Source) == 0 || !f.IsManifest() || g.decl.Hidden(p) || !counts(p) {
			continue
		}
		for _, d := range g.objectsNamed(f, kind, name) {
			have := yamldoc.Text(d, "metadata", "namespace")
			if have != ns && have != "" && ns != "" {
				continue
			}
			if o := newObject(nil, substitute.Loose(g.o.Given), overlay.NewObject(d)); o.Name == name {
				o.File, o.node = p, d
				found = append(found, o)
			}
		}
	}
	if len(found) == 0 {
		return nil, absent
	}
	found = exact(found, ns)
	slices.SortStableFunc(found, func(a, b *Object) int {
		return cmp.Compare(worktree.Shared(b.File, near), worktree.Shared(a.File, near))
	})
	for _, other := range found[1:] { // as near as the first, and another
		if worktree.Shared(found[0].File, near) == worktree.Shared(other.File, near) && !bytes.Equal(found[0].Text, other.Text) {
			return nil, "found in several places"
		}
	}
	return found[0], ""
}

// objectsNamed are the objects of a file of a kind and a name, or with a variable in it. They are sorted once.
func (g *Graph) objectsNamed(f *worktree.File, kind, name string) []*yaml.Node {
	sorted := g.sorted[f]
	if sorted == nil {
		sorted = map[[2]string][]*yaml.Node{}
		docs, _ := g.tree.Documents(f.Path) // what can't be read holds nothing
		for _, d := range yamldoc.Objects(docs) {
			key := [2]string{yamldoc.Text(d, "kind"), yamldoc.Text(d, "metadata", "name")}
			if strings.Contains(key[1], "${") {
				key[1] = "${"
			}
			sorted[key] = append(sorted[key], d)
		}
		g.sorted[f] = sorted
	}
	return slices.Concat(sorted[[2]string{kind, name}], sorted[[2]string{kind, "${"}])
}

// named are the files that may hold an object of a name.
func (g *Graph) named(name string) (out []string) {
	if len(substitute.Unknown(name)) > 0 {
		for _, p := range g.tree.Paths() {
			if g.tree.File(p).Marks&worktree.Data != 0 {
				out = append(out, p)
			}
		}
		return out
	}
	for _, p := range g.tree.Paths() {
		if g.tree.File(p).Names(name) {
			out = append(out, p)
		}
	}
	return out
}

// exact are the objects of that very namespace, or all if there is none.
func exact(found []*Object, ns string) []*Object {
	if own := slices.DeleteFunc(slices.Clone(found), func(o *Object) bool { return o.Namespace != ns }); len(own) > 0 {
		return own
	}
	return found
}

// theOne picks the object out of several, which must be the same.
func theOne(found []*Object, ns string) (o *Object, missing string) {
	found = exact(found, ns)
	for _, o := range found[1:] {
		if !bytes.Equal(o.Text, found[0].Text) {
			return nil, several
		}
	}
	return found[0], ""
}

// IsAbsent reports whether a reason of Find says that the object is nowhere.
func IsAbsent(missing string) bool { return missing == absent || missing == unbuilt }
