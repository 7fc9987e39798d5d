package fluxgraph

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

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
		for _, o := range n.variables {
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
			if !slices.ContainsFunc(out, func(m *Instance) bool { return m.key == n.key }) {
				out = append(out, n)
			}
		}
	}
	for _, o := range objects {
		add(o)
	}
	for i := 0; i < len(out); i++ { //nolint:intrange // more are added on the way
		for _, o := range out[i].variables {
			add(o)
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

// Document is where an object was read from: the document of its name, or of one that its own was made of by a
// prefix, or else the first of its kind. node is nil if it stands in no file as it is.
func (g *Graph) Document(o *Object) (file string, node *yaml.Node) {
	if o.By == nil {
		return o.File, o.node
	}
	for _, key := range []objectKey{{o.Written.Kind, o.Written.Name}, {o.Written.Kind, ""}} {
		points := 0
		for _, f := range o.By.Folders {
			f.Walk(func(f *overlay.Folder) bool {
				for _, p := range f.Resources {
					for _, d := range g.objects(p, key) {
						if now := likeness(o.Written, d); now > points {
							file, node, points = p, d, now
						}
					}
				}
				return true
			})
		}
		if node != nil {
			return file, node
		}
	}
	return "", nil
}

// File is the file that an object stands in, or else that of the Kustomization that makes it.
func (g *Graph) File(o *Object) string {
	file, _ := g.Document(o)
	if file == "" && o.By != nil {
		file = o.By.File
	}
	return file
}

func likeness(o *overlay.Object, d *yaml.Node) int {
	ns, name := yamldoc.Text(d, "metadata", "namespace"), yamldoc.Text(d, "metadata", "name")
	switch {
	case name == o.Name && ns == o.Namespace:
		return 4
	case name == o.Name:
		return 3
	case strings.Contains(o.Name, name):
		return 2
	}
	return 1
}

// objects are those of a kind and a name in a file. No name stands for all, and "${" for those with a variable in it.
func (g *Graph) objects(file string, key objectKey) []*yaml.Node {
	f := g.tree.File(file)
	if g.files[f] == nil {
		sorted := map[objectKey][]*yaml.Node{}
		docs, _ := g.tree.Documents(file) // what can't be read holds nothing
		for _, d := range yamldoc.Objects(docs) {
			kind, name := yamldoc.Text(d, "kind"), yamldoc.Text(d, "metadata", "name")
			names := []string{"", name}
			if strings.Contains(name, "${") {
				names = append(names, "${")
			}
			for _, name := range slices.Compact(names) {
				sorted[objectKey{kind, name}] = append(sorted[objectKey{kind, name}], d)
			}
		}
		g.files[f] = sorted
	}
	return g.files[f][key]
}
