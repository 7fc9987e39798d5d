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
	perByte   = 8
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
			made, _ := yamldoc.Decode(o.Text) // it was decoded without its variables
			for _, d := range made {
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
	g.cache.Work += g.sets.Work / perByte
	return out
}

func (g *Graph) object(by *Instance, scope *substitute.Scope, w *overlay.Object) *Object {
	o := &Object{Object: *w, By: by, Written: w}
	if bytes.Contains(w.Text, []byte("${")) {
		g.cache.Work += perObject + len(w.Text)/perByte
	}
	text, unset, err := scope.Put(w.Text)
	if err != nil {
		o.Err = fmt.Errorf("variables can't be put in: %w", err)
		return o
	}
	if strings.Contains(w.Kind+w.APIVersion+w.Namespace+w.Name, "${") {
		if docs, _ := yamldoc.Decode(text); len(docs) > 0 { // or they made it something else
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
	docs, _ := yamldoc.Decode(text)
	if len(docs) == 0 {
		return nil
	}
	return again(o, 0, g.document(o.File, docs[0], substitute.Loose(g.Given)))
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

// Document is where an object stands: where what makes it does or, of what is built, the document in what the build reads that
// has its kind and most of its name. node is nil if there is none; the file is that of the Kustomization then.
func (g *Graph) Document(o *Object) (file string, node *yaml.Node) {
	if o.maker != nil {
		return g.Document(o.maker)
	}
	if o.File != "" {
		return o.File, o.node
	}
	o.File = o.By.File
	best, is := 0, o.Written
	for _, f := range o.By.Folders {
		for _, p := range f.Resources {
			docs, _ := g.Tree.Documents(p) // what can't be read is a fault
			for _, d := range docs {
				name := yamldoc.Text(d, "metadata", "name")
				if yamldoc.Text(d, "kind") != is.Kind || !strings.Contains(is.Name, name) {
					continue
				}
				rank := 1 + 2*len(name)
				if yamldoc.Text(d, "metadata", "namespace") == is.Namespace {
					rank++
				}
				if rank > best {
					best, o.File, o.node = rank, p, d
				}
			}
		}
	}
	return o.File, o.node
}
