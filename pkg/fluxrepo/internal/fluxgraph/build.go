package fluxgraph

import (
	"fmt"
	"path"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
)

// addRoot adds a root as its file has it, which may have been edited.
func (g *Graph) addRoot(d *declare.Kustomization) {
	docs, _ := g.Tree.Documents(d.File)
	if g.only != nil && !g.only[key(d.File, d.Namespace, d.Name)] || d.Index >= len(docs) { // what can't be read is gone
		return
	}
	for _, o := range g.document(d.File, docs[d.Index], substitute.New(nil, g.Given)) {
		g.add(nil, o)
	}
}

// add adds the Kustomization that an object is, if it is one that is to be followed.
func (g *Graph) add(parent *Instance, o *Object) {
	if !o.isKustomization() {
		return
	}
	if n := g.adopt(parent, o); n != nil {
		g.Instances = append(g.Instances, n)
	}
}

// follow builds one of the instances, and adds the Kustomizations that it emits. In the place of a root that holds itself with
// another spec comes that one: it is what a cluster has once it was applied. The bootstrap of Flux is customised so.
func (g *Graph) follow(i int) {
	n := g.Instances[i]
	g.build(n)
	for _, o := range n.Objects {
		if n.Self.By == nil && o.isKustomization() && o.Namespace == n.Namespace && o.Name == n.Name && n.cluster == path.Dir(n.File) {
			if again := g.adopt(nil, o); again != nil && again.Err == nil && again.spec != n.spec {
				g.Instances[i] = again
				g.follow(i)
				return
			}
		}
	}
	for _, o := range n.Objects {
		if o.isKustomization() && (len(g.Instances) >= maxInstances || len(n.Chain()) > maxDepth) {
			n.Err = fmt.Errorf("it builds more Kustomizations than can be followed (%d, or %d in a chain)", maxInstances, maxDepth)
			return
		}
		g.add(n, o)
	}
}

// build builds a Kustomization if it is relevant. Of one that fails, the Kustomizations are known that stand in its files.
func (g *Graph) build(n *Instance) {
	if n.Err != nil || n.Problem != "" || g.ctx.Err() != nil {
		return
	}
	var leaveOut func(file string) bool
	if n.Built, leaveOut = g.Finder.Rates(n.Kustomization, string(n.Self.Text), n.Scope.Values()); !n.Built {
		return
	}
	b := g.cache.Run(overlay.Build{Tree: g.Tree, Spec: &n.Spec, Folders: n.Folders, Full: g.o.All, LeaveOut: leaveOut, Blame: g.only == nil})
	n.Err = b.Err
	objects := b.Objects
	if n.Err != nil {
		for _, p := range n.Files() {
			for _, d := range g.Declared.In[p] {
				objects = append(objects, overlay.NewObject(d.Node))
			}
		}
	}
	for _, w := range objects {
		n.Objects = append(n.Objects, g.made(n, n.Scope, w)...)
	}
}
