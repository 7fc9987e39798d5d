package fluxgraph

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/resourceset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Object is one object as it is applied.
type Object struct {
	overlay.Object // with variables put in

	Written   *overlay.Object // without them
	Unset     []string        // variables that nothing sets, so that they are empty
	Err       error           // variables can't be put in, or a ResourceSet can't be rendered
	Suspended bool            // the ResourceSet that makes it is not reconciled
	By        *Instance       // nil for one that nothing builds
	File      string          // where that one stands; see Document

	maker *Object    // the ResourceSet or FluxInstance that it comes of
	node  *yaml.Node // the document that it, or its maker, is
}

func (o *Object) isKustomization() bool {
	return o.Err == nil && o.Kind == "Kustomization" && strings.HasPrefix(o.APIVersion, declare.KustomizeGroup+"/")
}

// maxSets bounds the ResourceSets that one makes, and what these make: one may make itself again.
const maxSets = 64

// What objects with variables count, and what templates do: as many bytes that kustomize builds take as long.
const (
	perObject = 256
	perByte   = 16
	perWork   = 4
)

// made is an object with variables put in and, of a ResourceSet or a FluxInstance, what that makes; it notes why there is
// nothing.
func (g *Graph) made(by *Instance, scope *substitute.Scope, w *overlay.Object) []*Object {
	out := []*Object{g.object(by, scope, w)}
	g.sets.Work = 0
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
			docs, suspended, o.Err = g.sets.Render(o.Text)
		case o.Kind == "FluxInstance":
			for _, d := range decoded(o.Text) {
				if k := declare.Synced(d); k != nil {
					docs = append(docs, k)
				}
			}
		}
		for _, d := range docs {
			m := g.object(by, scope, overlay.NewObject(d))
			m.Suspended, m.maker = o.Suspended || suspended, o
			m.Written.Text = o.Written.Text // in the other are variables already
			out = append(out, m)
		}
	}
	g.cache.Work += g.sets.Work / perWork
	return out
}

// decoded are the documents of a text that was YAML before variables were put in; none if it is no more.
func decoded(text []byte) []*yaml.Node {
	if docs, err := yamldoc.Decode(text); err == nil {
		return docs
	}
	return nil
}

func (g *Graph) object(by *Instance, scope *substitute.Scope, w *overlay.Object) *Object {
	o := &Object{Object: *w, By: by, Written: w}
	if bytes.Contains(w.Text, []byte("${")) {
		g.cache.Work += perObject + len(w.Text)/perByte
	}
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

// document is an object that stands in a file, and what it makes, though nothing builds it.
func (g *Graph) document(file string, node *yaml.Node, scope *substitute.Scope) []*Object {
	out := g.made(nil, scope, overlay.NewObject(node))
	for _, o := range out {
		o.File, o.node = file, node
	}
	return out
}

// standing are all such objects of a file.
func (g *Graph) standing(file string) []*Object {
	f := g.Tree.File(file)
	out, known := g.files[f]
	if !known {
		docs, _ := g.Tree.Documents(file) // what can't be read is a fault
		for _, d := range docs {
			out = append(out, g.document(file, d, substitute.Loose(g.Given))...)
		}
		g.files[f] = out
	}
	return out
}

// Reread is an object that stands in a file, as another text has it; nil if that is no such object.
func (g *Graph) Reread(o *Object, text []byte) *Object {
	for _, d := range decoded(text) {
		return again(o, 0, g.document(o.File, d, substitute.Loose(g.Given)))
	}
	return nil
}

// again finds an object among those of a repository with an edit. One that is named by what it holds has another name there,
// but its place among the others.
func again(o *Object, at int, others []*Object) *Object {
	for i, a := range others {
		if a.Kind == o.Kind && a.APIVersion == o.APIVersion && a.Namespace == o.Namespace && (a.Name == o.Name || i == at) {
			return a
		}
	}
	return nil
}

// Document is where an object stands: where what makes it does or, of what is built, the document of its kind and name in
// what the build reads, or of a name that its own was made of. node is nil if there is none; the file is that of the
// Kustomization then.
func (g *Graph) Document(o *Object) (file string, node *yaml.Node) {
	if o.maker != nil {
		return g.Document(o.maker)
	}
	if o.File != "" {
		return o.File, o.node
	}
	o.File = o.By.File
	best := 0
	for _, d := range g.documents(o.By)[o.Written.Kind] {
		rank := 1
		if d.name == o.Written.Name {
			rank = 3
		}
		if d.namespace == o.Written.Namespace {
			rank++
		}
		if rank > best && strings.Contains(o.Written.Name, d.name) {
			best, o.File, o.node = rank, d.file, d.node
		}
	}
	return o.File, o.node
}

// document is one in a file.
type document struct {
	file, namespace, name string
	node                  *yaml.Node
}

// documents are those in the resources of a build, by kind.
func (g *Graph) documents(n *Instance) map[string][]document {
	if n.documents == nil {
		n.documents = map[string][]document{}
		for _, f := range n.Folders {
			for _, p := range f.Resources {
				docs, _ := g.Tree.Documents(p) // what can't be read is a fault
				for _, d := range docs {
					kind := yamldoc.Text(d, "kind")
					n.documents[kind] = append(n.documents[kind], document{p, yamldoc.Text(d, "metadata", "namespace"), yamldoc.Text(d, "metadata", "name"), d})
				}
			}
		}
	}
	return n.documents
}
