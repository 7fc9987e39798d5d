package declare

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// API groups of Flux and flux-operator.
const (
	KustomizeGroup = "kustomize.toolkit.fluxcd.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
	OperatorGroup  = "fluxcd.controlplane.io"
)

// Kustomization is a Flux Kustomization as it stands in a file.
type Kustomization struct {
	File            string
	Index           int // among the objects of the file; -1 for one that a FluxInstance makes
	Node            *yaml.Node
	Namespace, Name string
	Folders         []*overlay.Folder // what it reads; none where it is not built from this repository
	Children        []*Kustomization  // those that stand in what it reads
	Missing         bool              // it is built from this repository, and its path does not exist
	HasParent       bool              // another builds it

	source SourceRef
	path   string
	ours   bool // it is built from this repository, and its path exists
	ignore *worktree.Ignore
}

// Repository is what stands in the files.
type Repository struct {
	All   []*Kustomization // in order of file and position
	In    map[string][]*Kustomization
	Roots []*Kustomization
	Read  map[string]bool // files that any Kustomization reads
	// External says that something makes artifacts of whatever it likes, this repository perhaps.
	External bool
	Reader   *overlay.Reader
	Ignore   *worktree.Ignore // by the .sourceignore files alone

	tree    *worktree.Tree
	alone   bool             // no repository is around the files
	globs   *worktree.Ignore // of the user
	sources []source
	oci     func() []source // more of them, in files that nothing else makes worth reading: those of charts, mostly
	ownURLs []string
	ignores map[string]*worktree.Ignore // by spec.ignore
}

// New reads what is declared. ignore are globs of what holds nothing that counts unless something builds it. Without
// a repository around the files, nothing is looked for.
func New(tree *worktree.Tree, ignore []string, alone bool) *Repository {
	r := &Repository{tree: tree, alone: alone, In: map[string][]*Kustomization{}, Read: map[string]bool{}, ignores: map[string]*worktree.Ignore{}}
	r.Ignore = tree.Ignoring("")
	r.globs = tree.Ignoring(patterns(ignore))
	r.ignores[""] = r.Ignore
	r.Reader = overlay.NewReader(tree, r.included)
	r.oci = sync.OnceValue(func() []source {
		o := &Repository{tree: tree}
		o.read(worktree.Source, declaring)
		return o.sources
	})
	if !alone {
		r.declare()
		r.relate()
		r.Roots = r.roots()
	}
	return r
}

// With is the same for a tree that differs by an edit. What is declared stays.
func (r *Repository) With(tree *worktree.Tree) *Repository {
	out := *r
	out.tree, out.Reader = tree, overlay.NewReader(tree, r.included)
	return &out
}

// Text is a field of the Kustomization.
func (k *Kustomization) Text(keys ...string) string { return yamldoc.Text(k.Node, keys...) }

// Components are spec.components.
func (k *Kustomization) Components() (out []string) {
	for _, c := range yamldoc.Items(yamldoc.Child(k.Node, "spec", "components")) {
		out = append(out, yamldoc.Deref(c).Value)
	}
	return out
}

// declaring are the marks of files that may hold what is declared.
const declaring = worktree.Kustomization | worktree.Git | worktree.Builder

// read reads the files that have one of some marks and none of others.
func (r *Repository) read(with, without worktree.Mark) {
	for _, name := range r.tree.Paths() {
		f := r.tree.File(name)
		if f.Marks&with == 0 || f.Marks&without != 0 || !f.IsManifest() || f.IsKustomization() {
			continue
		}
		docs, _ := r.tree.Documents(name) // reported where the file is needed
		for i, doc := range yamldoc.Objects(docs) {
			r.add(name, i, doc)
		}
	}
}

// declare finds the Kustomizations and sources that stand in files.
func (r *Repository) declare() {
	r.read(declaring, 0)
	for _, k := range r.All {
		k.source, k.path = SourceOf(k.Node, k.File), Path(k.Text("spec", "path"))
		r.In[k.File] = append(r.In[k.File], k)
	}
	r.findOwnURLs()
	for _, k := range r.All {
		k.ignore = r.IgnoreOf(k.source)
		exists, own := r.tree.Dir(k.path) != nil && !k.ignore.Dir(k.path), r.IsOurs(k.source, k.path)
		if n := yamldoc.Child(k.Node, "spec", "path"); n != nil && n.Kind != yaml.ScalarNode {
			exists = false
		}
		k.ours, k.Missing = exists && own, !exists && own
	}
}

func (r *Repository) add(file string, index int, doc *yaml.Node) {
	group, _, _ := strings.Cut(yamldoc.Text(doc, "apiVersion"), "/")
	switch kind := yamldoc.Text(doc, "kind"); {
	case group == KustomizeGroup && kind == "Kustomization" && yamldoc.Child(doc, "spec", "sourceRef") != nil: // else it is a patch, most likely
		r.All = append(r.All, &Kustomization{
			File: file, Index: index, Node: doc, Namespace: yamldoc.Text(doc, "metadata", "namespace"), Name: yamldoc.Text(doc, "metadata", "name"),
		})
	case group == sourceGroup:
		r.sources = append(r.sources, newSource(file, kind, doc))
	case group == OperatorGroup && kind == "FluxInstance" && yamldoc.Child(doc, "spec", "sync") != nil && !r.Hidden(file):
		r.addInstance(file, doc)
	case kind == "ArtifactGenerator" && !r.Hidden(file):
		r.External = true
	}
}

// addInstance adds the source and the Kustomization that a FluxInstance makes.
func (r *Repository) addInstance(file string, doc *yaml.Node) {
	synced := yamldoc.Child(doc, "spec", "sync")
	ns := yamldoc.Text(doc, "metadata", "namespace")
	name, kind := cmp.Or(yamldoc.Text(synced, "name"), ns, "flux-system"), cmp.Or(yamldoc.Text(synced, "kind"), "GitRepository")
	r.sources = append(r.sources, source{file: file, kind: kind, ns: ns, name: name, url: yamldoc.Text(synced, "url"), own: true})
	node := &yaml.Node{}
	if err := node.Encode(map[string]any{
		"apiVersion": KustomizeGroup + "/v1", "kind": "Kustomization", "metadata": map[string]string{"name": name, "namespace": ns},
		"spec": map[string]any{"path": yamldoc.Text(synced, "path"), "sourceRef": map[string]string{"kind": kind, "name": name}},
	}); err != nil {
		return // can't be: all of it are texts
	}
	if patches := yamldoc.Child(doc, "spec", "kustomize", "patches"); patches != nil {
		if patched, err := overlay.Patched(node, patches); err == nil { // else flux-operator fails
			node = patched
		}
	}
	r.All = append(r.All, &Kustomization{File: file, Index: -1, Node: node, Namespace: ns, Name: name})
}

// Path is spec.path as a folder of the repository.
func Path(p string) string { return cmp.Or(strings.TrimPrefix(path.Clean("/"+p), "/"), ".") }

// relate reads what each Kustomization builds, and finds which stand in what others build.
func (r *Repository) relate() {
	for _, k := range r.All {
		if !k.ours {
			continue
		}
		k.Folders = r.Folders(k.ignore, k.path, k.Components())
		seen := map[*Kustomization]bool{k: true}
		for _, f := range k.Folders {
			f.Files(func(p string) bool {
				r.Read[p] = true
				for _, c := range r.In[p] {
					if !seen[c] {
						seen[c], c.HasParent = true, true
						k.Children = append(k.Children, c)
					}
				}
				return true
			})
		}
	}
}

// Folders are a folder and the components that a Kustomization adds to it.
func (r *Repository) Folders(ignore *worktree.Ignore, dir string, components []string) []*overlay.Folder {
	out := []*overlay.Folder{r.Reader.Folder(ignore, dir)}
	for _, c := range components {
		if p, ok := worktree.Resolve(dir, c); ok && r.tree.Dir(p) != nil {
			out = append(out, r.Reader.Folder(ignore, p))
		}
	}
	return out
}

// Outermost are the folders with a kustomization that neither a Kustomization of Flux nor another kustomization reads.
// Those that read each other can't be built.
func (r *Repository) Outermost() (out []*overlay.Folder) {
	used := map[*overlay.Folder]bool{}
	for _, dir := range r.tree.DirPaths() {
		name := r.tree.Kustomization(r.tree.Dir(dir), r.Ignore)
		if p := path.Join(dir, name); name == "" || r.Hidden(p) || r.Read[p] {
			continue
		}
		f := r.Reader.Folder(r.Ignore, dir)
		out = append(out, f)
		for _, s := range f.Subs {
			used[s] = true
		}
	}
	return slices.DeleteFunc(out, func(f *overlay.Folder) bool { return used[f] || f.IsComponent() })
}
