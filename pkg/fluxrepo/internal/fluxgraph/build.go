package fluxgraph

import (
	"fmt"
	"maps"
	"reflect"
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

// adoptRoot follows a root as its file has it, which may have been edited.
func (g *Graph) adoptRoot(d *declare.Kustomization) {
	node := d.Node
	if d.Index >= 0 {
		docs, _ := g.tree.Documents(d.File) // what can't be read is gone
		all := yamldoc.Objects(docs)
		if d.Index >= len(all) {
			return
		}
		node = all[d.Index]
	}
	if text, err := yaml.Marshal(node); err == nil {
		g.followRoot(&Instance{key: keyOf(nil, d.File, d.Namespace, d.Name), File: d.File, At: node, Text: text})
	}
}

// followRoot follows a root and, if what it builds holds itself with another spec, that one in its place: it is what a cluster
// has once it was applied. The bootstrap of Flux is customised so.
func (g *Graph) followRoot(n *Instance) {
	before := len(g.Instances)
	if !g.adopt(n) {
		return
	}
	g.follow(n)
	for _, o := range n.Objects {
		if o.Err != nil || o.Kind != "Kustomization" || o.Namespace != n.Namespace || o.Name != n.Name || n.cluster != n.home() {
			continue
		}
		again := &Instance{key: n.key, File: n.File, At: n.At, Text: o.Text}
		if strings.HasPrefix(o.APIVersion, declare.KustomizeGroup+"/") && again.decode() == nil && !sameSpec(n, again) {
			g.Instances = g.Instances[:before]
			maps.DeleteFunc(g.followed, func(id string, _ bool) bool { return strings.HasPrefix(id, n.key+"\x00") })
			if again = (&Instance{key: n.key, File: n.File, At: n.At, Text: o.Text}); g.adopt(again) {
				g.follow(again)
			}
		}
		return
	}
}

func sameSpec(a, b *Instance) bool {
	var specs [2]any
	for i, n := range []*Instance{a, b} {
		if spec := yamldoc.Child(n.node, "spec"); spec == nil || spec.Decode(&specs[i]) != nil {
			return true // neither can be followed
		}
	}
	return reflect.DeepEqual(specs[0], specs[1])
}

// adoptObject makes an instance of a Kustomization that another emits; nil if it is not to be followed.
func (g *Graph) adoptObject(n *Instance, o *Object) *Instance {
	file, node := g.Document(o)
	if node == nil {
		file = n.File
	}
	if len(g.Instances) >= maxInstances || len(n.Chain()) > maxDepth {
		n.Err = fmt.Errorf("it builds more Kustomizations than can be followed (%d, or %d in a chain)", maxInstances, maxDepth)
		return nil
	}
	child := &Instance{Parent: n, Of: o, key: keyOf(n, file, o.Namespace, o.Name), File: file, At: node, Text: o.Text}
	if !g.adopt(child) {
		return nil
	}
	return child
}

func keyOf(parent *Instance, file, ns, name string) string {
	key := file + "#" + ns + "/" + name
	if parent != nil {
		key = parent.key + "\x00" + key
	}
	return key
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
	id := n.identity()
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
			if o.Err == nil && !n.Plain && o.Kind == "Kustomization" && strings.HasPrefix(o.APIVersion, declare.KustomizeGroup+"/") {
				if child := g.adoptObject(n, o); child != nil {
					children = append(children, child)
				}
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
	o := &Object{Kind: w.Kind, APIVersion: w.APIVersion, Namespace: w.Namespace, Name: w.Name, By: by, Written: w}
	var err error
	if o.Text, o.Unset, err = scope.Put(w); err != nil {
		o.Err = fmt.Errorf("variables can't be put in: %w", overlay.Plain(err))
		o.Text = w.Text
	}
	if strings.Contains(w.Kind+w.APIVersion+w.Namespace+w.Name, "${") {
		if docs, err := yamldoc.Decode(o.Text); err == nil && len(docs) > 0 {
			now := overlay.NewObject(docs[0])
			o.APIVersion, o.Kind, o.Namespace, o.Name = now.APIVersion, now.Kind, now.Namespace, now.Name
		}
	}
	return o
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
		o, missing := g.find(n, n.home(), ref.Kind, n.Namespace, ref.Name)
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
