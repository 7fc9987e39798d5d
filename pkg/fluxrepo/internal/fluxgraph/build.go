package fluxgraph

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/relevance"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/resourceset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// followRoot follows a root as its file has it, which may have been edited, and, if what it builds holds itself with another
// spec, that one in its place: it is what a cluster has once it was applied. The bootstrap of Flux is customised so.
func (g *Graph) followRoot(d *declare.Kustomization) {
	node := d.Node
	if d.Index >= 0 {
		docs, _ := g.tree.Documents(d.File) // what can't be read is gone
		all := yamldoc.Objects(docs)
		if d.Index >= len(all) {
			return
		}
		node = all[d.Index]
	}
	n := &Instance{key: d.File + "#" + d.Namespace + "/" + d.Name, home: path.Dir(d.File), File: d.File, At: node, Text: overlay.NewObject(node).Text}
	before := len(g.Instances)
	if !g.adopt(n) {
		return
	}
	g.follow(n)
	for _, o := range n.Objects {
		again := &Instance{key: n.key, home: n.home, File: n.File, At: n.At, Text: o.Text}
		itself := o.isKustomization() && o.Namespace == n.Namespace && o.Name == n.Name && n.cluster == n.home
		if !itself || again.decode() != nil || again.spec == n.spec {
			continue
		}
		g.Instances = g.Instances[:before]
		maps.DeleteFunc(g.followed, func(id string, _ bool) bool { return strings.HasPrefix(id, n.key+"\x00") })
		if g.adopt(again) {
			g.follow(again)
		}
		return
	}
}

func (o *Object) isKustomization() bool {
	return o.Err == nil && o.Kind == "Kustomization" && strings.HasPrefix(o.APIVersion, declare.KustomizeGroup+"/")
}

// adopt reads a Kustomization, and reports whether it is to be followed: an object of a cluster is, once for each spec that it
// has there, however many chains lead to it.
func (g *Graph) adopt(n *Instance) bool {
	if g.only != nil && !g.only[n.key] {
		return false
	}
	n.read(g)
	if n.isLoop() {
		return false
	}
	if n.Err != nil || n.Problem != "" {
		return true
	}
	n.Scope = g.scope(n)
	parts := []string{n.Chain()[0].key, n.cluster, n.Namespace, n.Name, n.spec}
	for _, o := range n.variables {
		parts = append(parts, string(o.Text))
	}
	id := strings.Join(parts, "\x00")
	again := g.followed[id]
	g.followed[id] = true
	return !again || g.only != nil
}

// follow builds a Kustomization if it is relevant, and goes on with what it emits.
func (g *Graph) follow(n *Instance) {
	g.Instances = append(g.Instances, n)
	if n.Err != nil || n.Problem != "" || g.ctx.Err() != nil {
		return
	}
	relevant, leaveOut := g.Finder.Rates(relevance.Inputs{Node: n.node, Text: n.Text, Folders: n.Folders, Values: n.Scope.Values()})
	if n.Built = relevant; relevant {
		g.build(n, leaveOut)
	}
}

// build adds what an instance emits. Of one that fails, the Kustomizations in its files are followed as they stand there.
func (g *Graph) build(n *Instance, leaveOut func(file string) bool) {
	b := g.cache.Run(overlay.Build{Tree: g.tree, Spec: &n.Spec, Folders: slices.Clone(n.Folders), Full: g.o.All, LeaveOut: leaveOut})
	n.Err, n.Unfollowed = b.Err, b.Unfollowed
	objects := b.Objects
	if n.Err != nil && !n.Plain {
		n.Files(func(p string) bool {
			for _, d := range g.Declared.In[p] {
				if d.Index >= 0 {
					objects = append(objects, overlay.NewObject(d.Node))
				}
			}
			return true
		})
	}
	var children []*Instance // all are adopted before any is followed, so that short chains come before long ones
	for _, w := range objects {
		for _, o := range made(n, n.Scope, w) {
			n.Objects = append(n.Objects, o)
			if n.Plain || !o.isKustomization() {
				continue
			}
			if len(g.Instances) >= maxInstances || len(n.Chain()) > maxDepth {
				n.Err = fmt.Errorf("it builds more Kustomizations than can be followed (%d, or %d in a chain)", maxInstances, maxDepth)
				continue
			}
			file, node := g.Document(o)
			file = cmp.Or(file, n.File)
			key := n.key + "\x00" + file + "#" + o.Namespace + "/" + o.Name
			if child := (&Instance{Parent: n, Of: o, key: key, home: n.cluster, File: file, At: node, Text: o.Text}); g.adopt(child) {
				children = append(children, child)
			}
		}
	}
	for _, child := range children {
		g.follow(child)
	}
}

// made is an object with variables put in and, of a ResourceSet, what that makes; it notes why there is nothing.
func made(by *Instance, scope *substitute.Scope, w *overlay.Object) []*Object {
	o := newObject(by, scope, w)
	out := []*Object{o}
	if o.Kind == "ResourceSet" && o.Err == nil {
		var docs []*yaml.Node
		var suspended bool
		docs, suspended, o.Err = resourceset.Render(o.Text)
		for _, d := range docs {
			for _, m := range made(by, scope, overlay.NewObject(d)) {
				m.Suspended = m.Suspended || suspended
				out = append(out, m)
			}
		}
	}
	return out
}

func newObject(by *Instance, scope *substitute.Scope, w *overlay.Object) *Object {
	text, unset, err := scope.Put(w)
	if err != nil {
		text, err = w.Text, fmt.Errorf("variables can't be put in: %w", overlay.Plain(err))
	}
	now := w
	if strings.Contains(w.Kind+w.APIVersion+w.Namespace+w.Name, "${") {
		if docs, err := yamldoc.Decode(text); err == nil && len(docs) > 0 {
			now = overlay.NewObject(docs[0])
		}
	}
	return &Object{
		Kind: now.Kind, APIVersion: now.APIVersion, Namespace: now.Namespace, Name: now.Name, Text: text, Unset: unset, Err: err, By: by, Written: w,
	}
}

// scope reads the variables of a Kustomization.
func (g *Graph) scope(n *Instance) *substitute.Scope {
	var parent *substitute.Scope
	if n.Parent != nil {
		parent = n.Parent.Scope
	}
	s := substitute.New(parent, g.o.Given)
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
