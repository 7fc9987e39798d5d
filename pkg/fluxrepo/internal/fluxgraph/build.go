package fluxgraph

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/resourceset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Object is one object as it is applied.
type Object struct {
	overlay.Object // with variables put in

	Unset     []string  // variables that nothing sets, so that they are empty
	Err       error     // variables can't be put in, or a ResourceSet can't be rendered
	Suspended bool      // the ResourceSet that makes it is not reconciled
	By        *Instance // nil for one that nothing builds
	File      string    // where that one stands
	Written   *overlay.Object
	node      *yaml.Node // of one that nothing builds
}

func (o *Object) isKustomization() bool {
	return o.Err == nil && o.Kind == "Kustomization" && strings.HasPrefix(o.APIVersion, declare.KustomizeGroup+"/")
}

// addRoot adds a root as its file has it, which may have been edited.
func (g *Graph) addRoot(d *declare.Kustomization) {
	if g.only != nil && !g.only[key(d.File, d.Namespace, d.Name)] {
		return
	}
	if docs, _ := g.Tree.Documents(d.File); d.Index < len(docs) { // what can't be read is gone
		node := docs[d.Index]
		g.add(nil, &Object{Object: *overlay.NewObject(cmp.Or(declare.Synced(node), node)), File: d.File, node: node})
	}
}

// add adds the Kustomization that an object is, if it is to be followed.
func (g *Graph) add(parent *Instance, o *Object) {
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
		if n.Parent == nil && o.isKustomization() && o.Namespace == n.Namespace && o.Name == n.Name && n.cluster == n.home {
			if again := g.adopt(nil, o); again != nil && again.Err == nil && again.spec != n.spec {
				g.Instances[i], n = again, again
				g.build(n)
				break
			}
		}
	}
	for _, o := range n.Objects {
		switch {
		case !o.isKustomization():
		case len(g.Instances) >= maxInstances || len(n.Chain()) > maxDepth:
			n.Err = fmt.Errorf("it builds more Kustomizations than can be followed (%d, or %d in a chain)", maxInstances, maxDepth)
		default:
			g.add(n, o)
		}
	}
}

// What an object counts that a template makes or that has variables, and what templates do: as many bytes that kustomize builds
// take as long.
const (
	perObject = 256
	perByte   = 16
)

// build builds a Kustomization if it is relevant. Of one that fails, the Kustomizations are known that stand in its files.
func (g *Graph) build(n *Instance) {
	if n.Err != nil || n.Problem != "" || g.ctx.Err() != nil {
		return
	}
	var leaveOut func(file string) bool
	if n.Built, leaveOut = g.Finder.Rates(n.Kustomization, string(n.Of.Text), n.Scope.Values()); !n.Built {
		return
	}
	b := g.cache.Run(overlay.Build{Tree: g.Tree, Spec: &n.Spec, Folders: n.Folders, Full: g.o.All, LeaveOut: leaveOut, Blame: g.only == nil})
	n.Err, n.Unfollowed = b.Err, b.Unfollowed
	objects := b.Objects
	if n.Err != nil {
		n.Reads(func(p string) bool {
			for _, d := range g.Declared.In[p] {
				objects = append(objects, overlay.NewObject(d.Node))
			}
			return false
		})
	}
	for _, w := range objects {
		out := g.made(n, n.Scope, w)
		n.Objects = append(n.Objects, out...)
		if len(out) > 1 || bytes.Contains(w.Text, []byte("${")) {
			for _, o := range out {
				g.cache.Work += perObject + len(o.Text)/perByte
			}
		}
	}
}

// maxSets bounds the ResourceSets that one makes, and what these make: one may make itself again.
const maxSets = 64

// made is an object with variables put in and, of a ResourceSet or a FluxInstance, what that makes; it notes why there is
// nothing.
func (g *Graph) made(by *Instance, scope *substitute.Scope, w *overlay.Object) []*Object {
	out := []*Object{newObject(by, scope, w)}
	for i, sets := 0, 0; i < len(out); i++ { // what one makes may make more
		o := out[i]
		var docs []*yaml.Node
		suspended := false
		switch {
		case o.Err != nil:
		case o.Kind == "ResourceSet" && sets == maxSets:
			o.Err = resourceset.Error(fmt.Sprintf("more than %d ResourceSets come of one", maxSets))
		case o.Kind == "ResourceSet":
			sets++
			before := g.sets.Work
			docs, suspended, o.Err = g.sets.Render(o.Text)
			g.cache.Work += (g.sets.Work - before) / perByte
		case o.Kind == "FluxInstance":
			for _, d := range decoded(o.Text) {
				if k := declare.Synced(d); k != nil {
					docs = append(docs, k)
				}
			}
		}
		for _, d := range docs {
			m := newObject(by, scope, overlay.NewObject(d))
			m.Written.Text = o.Written.Text // variables are in the other already
			m.Suspended = o.Suspended || suspended
			out = append(out, m)
		}
	}
	return out
}

// decoded are the documents of a text that was YAML before variables were put in; none if it is no more.
func decoded(text []byte) []*yaml.Node {
	if docs, err := yamldoc.Decode(text); err == nil {
		return docs
	}
	return nil
}

func newObject(by *Instance, scope *substitute.Scope, w *overlay.Object) *Object {
	o := &Object{Object: *w, By: by, Written: w}
	text, unset, err := scope.Put(w)
	if err != nil {
		o.Err = fmt.Errorf("variables can't be put in: %w", err)
		return o
	}
	if strings.Contains(w.Kind+w.APIVersion+w.Namespace+w.Name, "${") {
		if docs := decoded(text); len(docs) > 0 {
			o.Object = *overlay.NewObject(docs[0])
		}
	}
	o.Text, o.Unset = text, unset
	return o
}

// scope reads the variables of a Kustomization.
func (g *Graph) scope(n *Instance) *substitute.Scope {
	var parent *substitute.Scope
	if n.Parent != nil {
		parent = n.Parent.Scope
	}
	s := substitute.New(parent, g.Given)
	pb := n.Spec.PostBuild
	if pb == nil {
		return s
	}
	for _, ref := range pb.SubstituteFrom {
		o, missing := g.find(n, n.home, ref.Kind, n.Namespace, ref.Name)
		var data map[string]substitute.Datum
		if o != nil {
			n.variables = append(n.variables, o)
			var err error
			if data, err = substitute.Data(o.Kind, o.Text); err != nil {
				missing = overlay.Plain(err).Error()
			}
		}
		s.From(release.Reference{Kind: ref.Kind, Namespace: n.Namespace, Name: ref.Name}, data, missing)
	}
	for _, name := range slices.Sorted(maps.Keys(pb.Substitute)) {
		s.Set(name, pb.Substitute[name])
	}
	if pb.SubstituteStrategy == "Always" {
		s.Always()
	}
	return s
}
