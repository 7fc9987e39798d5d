package fluxgraph

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/relevance"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/resourceset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// round builds once, from the roots on.
type round struct {
	*Graph
	instances []*Instance
	full      bool // more can't be followed
}

func (r *round) expand() {
	for _, d := range r.decl.Roots {
		cluster := path.Dir(d.File)
		if r.stay(keyOf(nil, d.File, d.Namespace, d.Name)) {
			continue
		}
		node := r.now(d)
		if node == nil {
			continue
		}
		text, err := yaml.Marshal(node)
		if err != nil {
			continue // can't be: it was decoded
		}
		r.follow(r.newInstance(nil, cluster, text, d.File))
	}
}

// stay takes over what an edit does not reach.
func (r *round) stay(key string) bool {
	same, ok := r.stays[key]
	r.instances = append(r.instances, same...)
	return ok
}

// now is a declaration as its file has it, which may have been edited; nil if it is gone.
func (r *round) now(d *declare.Kustomization) *yaml.Node {
	if _, edited := r.tree.Edit(d.File); !edited || d.Index < 0 {
		return d.Node
	}
	docs, _ := r.tree.Documents(d.File) // what can't be read is gone
	if all := yamldoc.Objects(docs); d.Index < len(all) {
		return all[d.Index]
	}
	return nil
}

// follow builds a Kustomization if it is relevant, and goes on with what it emits.
func (r *round) follow(n *Instance) {
	r.instances = append(r.instances, n)
	if n.Err != nil || n.Problem != "" || r.ctx.Err() != nil {
		return
	}
	n.Scope = r.scope(n)
	in := relevance.Inputs{Node: n.node, Text: n.text, Folders: n.Folders, Values: n.Scope.Values()}
	n.stirs = n.Parent != nil && n.Parent.stirs || r.finds.Stirs(in)
	if n.Built = n.stirs || r.finds.IsRelevant(in); !n.Built {
		return
	}
	b := r.cache.Run(overlay.Build{
		Tree: r.tree, Spec: &n.Spec, Folders: slices.Clone(n.Folders), Full: r.o.All, LeaveOut: func(p string) bool { return !n.stirs && r.finds.LeftOut(p) },
	})
	n.Err, n.Unfollowed = b.Err, b.Unfollowed
	objects := b.Objects
	if n.Err != nil {
		objects = r.rescue(n)
	}
	for _, w := range objects {
		r.add(n, w)
	}
}

// rescue goes on with the Kustomizations that a failed build would have emitted, as they stand in the files.
func (r *round) rescue(n *Instance) (out []*overlay.Object) {
	n.Files(func(p string) bool {
		for _, d := range r.decl.In[p] {
			if d.Index < 0 {
				continue
			}
			o := overlay.NewObject(d.Node)
			if o.Namespace == "" {
				o.Namespace = n.Spec.TargetNamespace
			}
			out = append(out, o)
		}
		return true
	})
	return out
}

// add puts variables into an object, and follows what it builds.
func (r *round) add(n *Instance, w *overlay.Object) {
	o := newObject(n, n.Scope, w)
	n.Objects = append(n.Objects, o)
	switch {
	case o.Err != nil:
	case o.Kind == "Kustomization" && strings.HasPrefix(o.APIVersion, declare.KustomizeGroup+"/"):
		r.adopt(n, o)
	case o.Kind == "ResourceSet":
		for _, w := range rendered(o) {
			r.add(n, w)
		}
	}
}

// rendered are the objects of a ResourceSet, which notes why there are none.
func rendered(set *Object) (out []*overlay.Object) {
	docs, err := resourceset.Render(set.Text)
	set.Err = err
	for _, d := range docs {
		out = append(out, overlay.NewObject(d))
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
		var in struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Metadata   struct{ Name, Namespace string }
		}
		if sigsyaml.Unmarshal(o.Text, &in) == nil {
			o.APIVersion, o.Kind, o.Namespace, o.Name = in.APIVersion, in.Kind, in.Metadata.Namespace, in.Metadata.Name
		}
	}
	return o
}

// adopt follows a Kustomization that another emits.
func (r *round) adopt(n *Instance, o *Object) {
	file, node := r.Document(o)
	if node == nil {
		file = n.File
	}
	if r.stay(keyOf(n, file, o.Namespace, o.Name)) {
		return
	}
	if r.full = r.full || len(r.instances) >= maxInstances; r.full || len(n.Chain()) > maxDepth {
		n.Err = fmt.Errorf("builds more Kustomizations than can be followed (%d, or %d in a chain)", maxInstances, maxDepth)
		return
	}
	c := r.newInstance(n, n.cluster, o.Text, file)
	c.Of = o
	if c.Err == nil && slices.ContainsFunc(n.Chain(), c.again) {
		return // a loop, or Flux's own
	}
	r.follow(c)
}

// scope reads the variables of a Kustomization.
func (r *round) scope(n *Instance) *substitute.Scope {
	var parent *substitute.Scope
	if n.Parent != nil {
		parent = n.Parent.Scope
	}
	s := substitute.New(parent, r.o.Given)
	pb := n.Spec.PostBuild
	if pb == nil {
		return s
	}
	for _, ref := range pb.SubstituteFrom {
		o, missing := r.find(n, n.lies, ref.Kind, n.Namespace, ref.Name, n.File)
		var data map[string]substitute.Datum
		if o != nil {
			var err error
			if data, err = substitute.Data(o.Kind, o.Text); err != nil {
				missing = overlay.Plain(err).Error()
			}
		}
		s.From(substitute.Reason{Kind: ref.Kind, Namespace: n.Namespace, Name: ref.Name}, data, missing)
	}
	for _, name := range slices.Sorted(maps.Keys(pb.Substitute)) {
		s.Set(name, pb.Substitute[name])
	}
	if pb.SubstituteStrategy == "Always" {
		s.Always()
	}
	return s
}
