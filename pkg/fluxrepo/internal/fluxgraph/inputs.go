package fluxgraph

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Inputs are the files that a release, and an object that it takes values from, are made of, the nearest first: the one
// that the object stands in, what its build reads, what builds that, and where the variables of all these come from.
func (g *Graph) Inputs(release, holder *Object, own string) (out []string) {
	seen := map[string]bool{}
	add := func(p string) bool {
		if p != "" && !seen[p] && g.tree.File(p) != nil {
			seen[p] = true
			out = append(out, p)
		}
		return true
	}
	add(own)
	add(holder.File)
	for _, n := range g.makers(holder, release) {
		n.Files(add)
		add(n.File)
		for _, o := range g.variables(n) {
			file, _ := g.Document(o)
			add(file)
		}
	}
	return out
}

// makers are the instances that have a say in some objects: those that emit them, what builds these, and what their
// variables come from.
func (g *Graph) makers(objects ...*Object) (out []*Instance) {
	add := func(o *Object) {
		for n := o.By; n != nil; n = n.Parent {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	for _, o := range objects {
		add(o)
	}
	for i := 0; i < len(out); i++ { //nolint:intrange // more are added on the way
		for _, o := range g.variables(out[i]) {
			add(o)
		}
	}
	return out
}

// variables are the ConfigMaps and Secrets that the variables of a Kustomization come from, or may.
func (g *Graph) variables(n *Instance) (out []*Object) {
	if n.Spec.PostBuild == nil {
		return nil
	}
	for _, ref := range n.Spec.PostBuild.SubstituteFrom {
		if o, _ := g.find(n, n.lies, ref.Kind, n.Namespace, ref.Name, n.File); o != nil {
			out = append(out, o)
		}
	}
	return out
}

// Reread is an object that stands in a file, as another text has it; nil if that is no object.
func (g *Graph) Reread(o *Object, text []byte) *Object {
	docs, err := yamldoc.Decode(text)
	if err != nil || len(docs) == 0 || yamldoc.Text(docs[0], "kind") != o.Kind {
		return nil
	}
	again := newObject(nil, substitute.Loose(g.o.Given), overlay.NewObject(docs[0]))
	again.File = o.File
	return again
}
