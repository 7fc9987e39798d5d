package declare

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// API groups of Flux and flux-operator.
const (
	KustomizeGroup = "kustomize.toolkit.fluxcd.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
	operatorGroup  = "fluxcd.controlplane.io"
)

// Repository is what stands in the files.
type Repository struct {
	In    map[string][]*Kustomization // all that stand in a file
	Roots []*Kustomization
	All   []*Kustomization // the roots and all that they lead to; no other counts
	// External says that something makes artifacts of whatever it likes, this repository perhaps.
	External bool
	Reader   *overlay.Reader
	Ignore   *worktree.Ignore // by the .sourceignore files alone

	tree      *worktree.Tree
	globs     *worktree.Ignore // of the user
	sources   sources
	charts    bool               // the files with those of charts were read, too
	includes  []string           // where sources put others
	ownURLs   map[string]bool    // as normalURL has them
	here      map[SourceRef]bool // sources that Kustomizations take folders from that are here
	readers   map[string][]*Kustomization
	artifacts []*worktree.Ignore // of this repository, as its Kustomizations are built from them
}

// New reads what is declared. ignore are globs of what holds nothing that counts unless something builds it. Without
// a repository around the files, nothing is looked for.
func New(tree *worktree.Tree, ignore []string, alone bool) *Repository {
	r := &Repository{
		tree: tree, In: map[string][]*Kustomization{}, Ignore: tree.Ignoring(""), globs: tree.Ignoring(patterns(ignore)),
		sources: sources{}, ownURLs: map[string]bool{}, here: map[SourceRef]bool{}, readers: map[string][]*Kustomization{},
	}
	r.Reader = overlay.NewReader(tree, r.included)
	if !alone {
		r.declare()
		r.relate()
	}
	return r
}

// With is the same for a tree that differs by an edit. What is declared stays.
func (r *Repository) With(tree *worktree.Tree) *Repository {
	out := *r
	out.tree, out.Reader = tree, overlay.NewReader(tree, r.included)
	return &out
}

// read adds what stands in files with some marks, and none of others.
func (r *Repository) read(with, without worktree.Mark) {
	for _, p := range r.tree.Paths() {
		if f := r.tree.File(p); f.Marks&with != 0 && f.Marks&without == 0 && f.IsManifest() && !f.IsKustomization() {
			docs, _ := r.tree.Documents(p) // reported where the file is needed
			for i, doc := range docs {
				r.add(p, i, doc)
			}
		}
	}
}

const declaring = worktree.Kustomization | worktree.Git | worktree.Builder

// declare finds the Kustomizations and sources that stand in files, and whose they are.
func (r *Repository) declare() {
	r.read(declaring, 0)
	r.own(r.tree.Origin())
	for _, k := range r.shown() {
		if r.isHere(k.Path) {
			r.here[k.source] = true
		}
		// The bootstrap of Flux lies in what it builds. Every file lies in the root, but a bootstrap is named like its namespace.
		if worktree.Within(k.File, k.Path) && (k.Path != "." || k.source.Name == k.source.Namespace) && k.source.Kind == "GitRepository" {
			r.own(r.sources.find(k.source, k.File).url)
		}
	}
	for _, k := range r.All {
		r.Follow(k, k)
	}
}

// shown are the Kustomizations in files that are not hidden.
func (r *Repository) shown() []*Kustomization {
	return slices.DeleteFunc(slices.Clone(r.All), func(k *Kustomization) bool { return r.Hidden(k.File) })
}

// Synced is the Kustomization that flux-operator makes of a FluxInstance; nil of anything else.
func Synced(doc *yaml.Node) *yaml.Node {
	synced := yamldoc.Child(doc, "spec", "sync")
	if synced == nil || yamldoc.Text(doc, "kind") != "FluxInstance" || group(doc) != operatorGroup {
		return nil
	}
	ns := yamldoc.Text(doc, "metadata", "namespace")
	name, kind := cmp.Or(yamldoc.Text(synced, "name"), ns, "flux-system"), cmp.Or(yamldoc.Text(synced, "kind"), "GitRepository")
	k := &yaml.Node{}
	_ = k.Encode(map[string]any{ // all of it are texts
		"apiVersion": KustomizeGroup + "/v1", "kind": "Kustomization", "metadata": map[string]string{"name": name, "namespace": ns},
		"spec": map[string]any{"path": yamldoc.Text(synced, "path"), "sourceRef": map[string]string{"kind": kind, "name": name}},
	})
	if patches := yamldoc.Child(doc, "spec", "kustomize", "patches"); patches != nil {
		if patched, err := overlay.Patched(k, patches); err == nil { // else flux-operator fails
			return patched
		}
	}
	return k
}

func group(doc *yaml.Node) string {
	group, _, _ := strings.Cut(yamldoc.Text(doc, "apiVersion"), "/")
	return group
}

func (r *Repository) add(file string, index int, doc *yaml.Node) {
	switch kind := yamldoc.Text(doc, "kind"); group(doc) {
	case KustomizeGroup:
		if kind == "Kustomization" && yamldoc.Child(doc, "spec", "sourceRef") != nil { // else it is a patch, most likely
			k := NewKustomization(doc, file)
			k.Index = index
			r.All, r.In[file] = append(r.All, k), append(r.In[file], k)
		}
	case sourceGroup:
		if !r.Hidden(file) {
			r.addSource(file, doc)
		}
	case operatorGroup:
		if k := Synced(doc); k != nil && !r.Hidden(file) {
			r.add(file, index, k)
			url := yamldoc.Text(doc, "spec", "sync", "url")
			r.sources.add(sourceOf(k), file, declared{url: url})
			r.own(url)
		}
	default:
		r.External = r.External || kind == "ArtifactGenerator" && !r.Hidden(file)
	}
}

// relate finds the roots, and leaves out what they don't lead to.
func (r *Repository) relate() {
	for _, k := range r.shown() {
		if k.Problem == "" && !k.Ignore.File(k.File) && !slices.Contains(r.artifacts, k.Ignore) {
			r.artifacts = append(r.artifacts, k.Ignore)
		}
	}
	shown := r.shown() // less than before
	r.note(r.Reach(shown...).Kustomizations)
	r.Roots = r.roots(shown)
	r.All = r.Reach(r.Roots...).Kustomizations
	r.note(r.All)
}

// note notes which files some Kustomizations read.
func (r *Repository) note(readers []*Kustomization) {
	r.readers = map[string][]*Kustomization{}
	for _, k := range readers {
		for _, p := range k.Files() {
			if by := r.readers[p]; len(by) < 2 && !slices.Contains(by, k) { // two are as good as more
				r.readers[p] = append(by, k)
			}
		}
	}
}

// IsRead reports whether a Kustomization reads a file. One of them, or nil, does not count.
func (r *Repository) IsRead(file string, except *Kustomization) bool {
	return slices.ContainsFunc(r.readers[file], func(k *Kustomization) bool { return k != except })
}

// Outermost are the folders with a kustomization that neither a Kustomization of Flux nor another kustomization reads.
// Those that read each other can't be built.
func (r *Repository) Outermost() (out []*overlay.Folder) {
	used := map[*overlay.Folder]bool{}
	for _, dir := range r.tree.Dirs() {
		if p := r.tree.Kustomization(dir, r.Ignore); p == "" || r.Hidden(p) || r.IsRead(p, nil) {
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
