package overlay

import (
	"errors"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Folder is what kustomize reads for one folder.
type Folder struct {
	Dir       string
	File      string     // the kustomization; empty where Flux generates one
	Node      *yaml.Node // its content, without what is not there
	Resources []string   // files with objects, in order
	Inputs    []string   // patches, values and the like
	Subs      []*Folder  // bases and components
	Holes     []Hole

	cut    bool         // something was taken out of Node
	order  []string     // of a generated kustomization: its resources
	copied []*yaml.Node // what its replacements copy from
	schema bool         // adds to the schema of kustomize
}

// Hole is what a kustomization names and what is not there. Line and Column count from 1; 0 is not known.
type Hole struct {
	File         string
	Line, Column int
	Field, Path  string // what names it, and how; empty where the folder itself can't be read
	Remote       bool   // it lies elsewhere
	Shaping      bool   // it could change objects that others bring
	Problem      string
}

// elsewhere is why what kustomize would fetch is not followed.
const elsewhere = "is not in this repository"

// Reader reads folders as Flux and kustomize would, each once.
type Reader struct {
	tree     *worktree.Tree
	included func(p string) bool
	folders  map[folderKey]*Folder
}

type folderKey struct {
	ignore *worktree.Ignore
	dir    string
}

// NewReader reads the folders of a tree. included reports whether a path that is not there may be in the artifact
// all the same, because the source includes another.
func NewReader(tree *worktree.Tree, included func(p string) bool) *Reader {
	return &Reader{tree: tree, included: included, folders: map[folderKey]*Folder{}}
}

// Folder reads a folder of an artifact.
func (r *Reader) Folder(ignore *worktree.Ignore, dir string) *Folder {
	key := folderKey{ignore, dir}
	if f, ok := r.folders[key]; ok {
		return f
	}
	f := &Folder{Dir: dir}
	r.folders[key] = f
	d := r.tree.Dir(dir)
	switch name := r.tree.Kustomization(d, ignore); {
	case d == nil || ignore.Dir(dir):
		f.Holes = append(f.Holes, Hole{File: dir, Problem: "there is no such folder"})
	case name != "":
		f.File = path.Join(dir, name)
		r.read(f, ignore)
	default:
		r.list(f, ignore, d)
	}
	return f
}

// read follows the paths of a kustomization.
func (r *Reader) read(f *Folder, ignore *worktree.Ignore) {
	doc, err := Kustomization(r.tree, f.File)
	if err != nil {
		h := Hole{File: f.File, Problem: err.Error()}
		if bad, ok := errors.AsType[*yamldoc.Error](err); ok {
			h.Line, h.Column = bad.Line, bad.Column
		}
		f.Holes = append(f.Holes, h)
		return
	}
	f.Node = doc
	f.copied = sources(r.tree, f.Dir, f.Node)
	f.schema = yamldoc.Child(f.Node, "openapi") != nil || yamldoc.Child(f.Node, "crds") != nil
	gone := map[int]bool{} // by the place of the path
	for _, ref := range references(f.Node) {
		problem := r.follow(f, ignore, ref)
		if problem == "" {
			continue
		}
		gone[at(ref.node)] = true
		f.Holes = append(f.Holes, Hole{
			File: f.File, Line: ref.node.Line, Column: ref.node.Column, Field: ref.field, Path: ref.path,
			Remote: problem == elsewhere, Problem: problem,
			Shaping: ref.field == "components" || strings.HasPrefix(ref.field, "patches") || ref.field == "transformers",
		})
	}
	if f.cut = len(gone) > 0; f.cut {
		f.Node = without(f.Node, func(ref reference) bool { return gone[at(ref.node)] })
	}
}

func at(n *yaml.Node) int { return n.Line<<16 | n.Column }

// Kustomization is the document of a kustomization, or why nothing can be built of it.
func Kustomization(tree *worktree.Tree, file string) (*yaml.Node, error) {
	docs, err := tree.Documents(file)
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 || docs[0].Kind != yaml.MappingNode {
		return nil, errors.New("holds no kustomization")
	}
	for _, field := range []string{"resources", "components"} {
		if n := yamldoc.Child(docs[0], field); n != nil && n.Kind != yaml.SequenceNode && n.Tag != "!!null" {
			return nil, &yamldoc.Error{Line: n.Line, Column: n.Column, Reason: field + " is not a list"}
		}
	}
	return docs[0], nil
}

// follow adds what a path leads to, or says why it leads nowhere.
func (r *Reader) follow(f *Folder, ignore *worktree.Ignore, ref reference) string {
	p, ok := worktree.Resolve(f.Dir, ref.path)
	isFile := ok && r.tree.File(p) != nil && !ignore.File(p) // kustomize looks for a file first
	switch {
	case isRemote(ref.path) && !isFile:
		return elsewhere
	case !ok:
		return "leads out of the repository"
	}
	if d := r.tree.Dir(p); d != nil && !ignore.Dir(p) {
		if ref.role == data {
			return "is a folder, not a file"
		}
		if r.tree.Kustomization(d, ignore) == "" {
			return "is a folder without a kustomization.yaml"
		}
		f.Subs = append(f.Subs, r.Folder(ignore, p))
		return ""
	}
	switch {
	case !isFile && r.included(p):
		return elsewhere
	case !isFile:
		return "does not exist"
	}
	r.tree.Look(p)
	if ref.role == resource {
		f.Resources = append(f.Resources, p)
	} else {
		f.Inputs = append(f.Inputs, p)
	}
	return ""
}

// list takes what Flux takes for the resources of a folder without a kustomization.
func (r *Reader) list(f *Folder, ignore *worktree.Ignore, d *worktree.Dir) {
	names := slices.Concat(d.Files, d.Dirs)
	slices.Sort(names)
	for _, name := range names {
		p := path.Join(d.Path, name)
		sub := r.tree.Dir(p)
		switch {
		case sub != nil && ignore.Dir(p):
		case sub != nil && r.tree.Kustomization(sub, ignore) != "":
			f.Subs = append(f.Subs, r.Folder(ignore, p))
			f.order = append(f.order, p)
		case sub != nil:
			r.list(f, ignore, sub)
		case yamldoc.IsYAML(name) && !ignore.File(p):
			f.Resources = append(f.Resources, p)
			f.order = append(f.order, p)
		}
	}
}

// Walk visits a folder and all below it, each once, until visit returns false.
func (f *Folder) Walk(visit func(*Folder) (more bool)) {
	seen := map[*Folder]bool{}
	var step func(*Folder) bool
	step = func(f *Folder) bool {
		if seen[f] {
			return true
		}
		seen[f] = true
		return visit(f) && !slices.ContainsFunc(f.Subs, func(s *Folder) bool { return !step(s) })
	}
	step(f)
}

// Files visits every file that a folder reads, until visit returns false.
func (f *Folder) Files(visit func(file string) (more bool)) {
	f.Walk(func(f *Folder) bool {
		if f.File != "" && !visit(f.File) {
			return false
		}
		return !slices.ContainsFunc(slices.Concat(f.Resources, f.Inputs), func(p string) bool { return !visit(p) })
	})
}

// Copies reports whether the kustomization copies out of the objects of its files.
func (f *Folder) Copies() bool { return len(f.copied) > 0 }

// Lists reports whether the kustomization names resources.
func (f *Folder) Lists() bool {
	isResource := func(field string) bool { return field == "resources" || field == "bases" }
	return slices.ContainsFunc(references(f.Node), func(r reference) bool { return isResource(r.field) }) ||
		slices.ContainsFunc(f.Holes, func(h Hole) bool { return isResource(h.Field) })
}

// Patches are those that the kustomization lists, each as a map: with its text, or the path of its file, and its target.
func (f *Folder) Patches() (out []*yaml.Node) {
	for _, field := range []string{"patches", "patchesJson6902", "patchesStrategicMerge"} {
		for _, item := range yamldoc.Items(yamldoc.Child(f.Node, field)) {
			switch item = yamldoc.Deref(item); {
			case item.Kind == yaml.ScalarNode && !isInline(item.Value):
				continue // a file, which is an input
			case item.Kind == yaml.ScalarNode:
				item = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "patch"}, item}}
			}
			out = append(out, item)
		}
	}
	return out
}
