package fluxgraph

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Inputs are the files that a release, and an object that it takes values from, are made of, the nearest first: what its
// build reads, what builds that, and where the variables of all these come from.
func (g *Graph) Inputs(release, holder *Object) (out []string) {
	seen := map[string]bool{}
	add := func(p string) bool {
		if p != "" && !seen[p] && g.Tree.File(p) != nil {
			seen[p], out = true, append(out, p)
		}
		return false
	}
	for _, n := range g.makers(holder, release) {
		n.Reads(add)
		add(n.File)
		for _, o := range n.variables {
			add(o.File)
		}
	}
	return out
}

// makers are the instances that have a say in some objects: those that emit them, what builds these, and what their
// variables come from.
func (g *Graph) makers(objects ...*Object) (out []*Instance) {
	for i := 0; i < len(objects); i++ { // more are added on the way
		for n := objects[i].By; n != nil; n = n.Parent {
			if !slices.ContainsFunc(out, func(m *Instance) bool { return m.key == n.key }) {
				out, objects = append(out, n), append(objects, n.variables...)
			}
		}
	}
	return out
}

// Reread is an object that stands in a file, as another text has it; nil if that is no object.
func (g *Graph) Reread(o *Object, text []byte) *Object {
	if docs := decoded(text); len(docs) > 0 && yamldoc.Text(docs[0], "kind") == o.Kind {
		return g.loose(o.File, docs[0])
	}
	return nil
}

// loose is an object that stands in a file.
func (g *Graph) loose(file string, d *yaml.Node) *Object {
	o := newObject(nil, substitute.Loose(g.Given), overlay.NewObject(d))
	o.File, o.node = file, d
	return o
}

// Document is where an object was read from: the document of its name, or of one that its own was made of by a prefix. node is
// nil if it stands in no file as it is; the file is that of the Kustomization then that makes it.
func (g *Graph) Document(o *Object) (file string, node *yaml.Node) {
	if o.By == nil {
		return o.File, o.node
	}
	is, sure := o.Written, false
	for _, name := range []string{is.Name, ""} {
		for _, f := range o.By.Folders {
			for _, p := range f.Resources {
				if name != "" && !g.Tree.Mentions(p, name) {
					continue
				}
				for _, d := range g.objects(p, is.Kind, name) {
					same := yamldoc.Text(d, "metadata", "namespace") == is.Namespace
					if strings.Contains(is.Name, yamldoc.Text(d, "metadata", "name")) && (node == nil || same && !sure) {
						file, node, sure = p, d, same
					}
				}
			}
		}
		if node != nil {
			return file, node
		}
	}
	return o.By.File, nil
}

// objects are those of a kind and a name in a file, as it is written there. No name stands for all.
func (g *Graph) objects(file, kind, name string) []*yaml.Node {
	f := g.Tree.File(file)
	if g.files[f] == nil {
		g.files[f] = map[objectKey][]*yaml.Node{}
		docs, _ := g.Tree.Documents(file) // what can't be read holds nothing
		for _, d := range docs {
			for _, is := range []string{"", yamldoc.Text(d, "metadata", "name")} {
				key := objectKey{yamldoc.Text(d, "kind"), is}
				g.files[f][key] = append(g.files[f][key], d)
			}
		}
	}
	return g.files[f][objectKey{kind, name}]
}
