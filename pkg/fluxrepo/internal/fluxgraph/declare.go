package fluxgraph

import (
	"cmp"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// API groups of Flux.
const (
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
	operatorGroup  = "fluxcd.controlplane.io"
)

// declaration is a Flux Kustomization as it stands in a file.
type declaration struct {
	file      string
	index     int // among the objects of the file; -1 for one that a FluxInstance makes
	node      *yaml.Node
	ns, name  string
	path      string
	ours      bool // it is built from this repository, and the path exists
	missing   bool // it is built from this repository, and the path does not exist
	ignore    *worktree.Ignore
	folders   []*overlay.Folder
	children  []*declaration // those that stand in what it builds
	hasParent bool
	relevant  bool
}

func (d *declaration) text(keys ...string) string { return yamldoc.Text(d.node, keys...) }

// declare finds the Kustomizations and sources that stand in files.
func (g *Graph) declare() {
	for _, name := range g.tree.Paths() {
		f := g.tree.File(name)
		if f.Marks&(worktree.Kustomization|worktree.Git|worktree.Builder) == 0 || !f.IsManifest() || f.IsKustomization() {
			continue
		}
		docs, _ := g.tree.Documents(name) // reported where the file is needed
		for i, doc := range yamldoc.Objects(docs) {
			g.declareOne(name, i, doc)
		}
	}
	for _, d := range g.declarations {
		d.path, _ = g.folder(d.text("spec", "path"))
		g.declaredIn[d.file] = append(g.declaredIn[d.file], d)
	}
	g.findOwnURLs()
	for _, d := range g.declarations {
		d.ignore = g.ignoreOf(d.source())
		kind, ns, name, near := d.source()
		exists, own := g.tree.Dir(d.path) != nil && !d.ignore.Dir(d.path), g.whose(kind, ns, name, near, d.path) == ours
		d.ours, d.missing = exists && own, !exists && own
	}
}

func (g *Graph) declareOne(file string, index int, doc *yaml.Node) {
	group, _, _ := strings.Cut(yamldoc.Text(doc, "apiVersion"), "/")
	switch kind := yamldoc.Text(doc, "kind"); {
	case group == kustomizeGroup && kind == "Kustomization" && yamldoc.Child(doc, "spec", "sourceRef") != nil: // else it is a patch, most likely
		g.declarations = append(g.declarations, &declaration{
			file: file, index: index, node: doc, ns: yamldoc.Text(doc, "metadata", "namespace"), name: yamldoc.Text(doc, "metadata", "name"),
		})
	case group == sourceGroup:
		g.sources = append(g.sources, newSource(file, kind, doc))
	case group == operatorGroup && kind == "FluxInstance" && yamldoc.Child(doc, "spec", "sync") != nil && !g.hidden(file):
		g.declareInstance(file, doc)
	case kind == "ArtifactGenerator" && !g.hidden(file):
		g.External = true
	}
}

// declareInstance adds the source and the Kustomization that a FluxInstance makes.
func (g *Graph) declareInstance(file string, doc *yaml.Node) {
	sync := yamldoc.Child(doc, "spec", "sync")
	ns := yamldoc.Text(doc, "metadata", "namespace")
	name, kind := cmp.Or(yamldoc.Text(sync, "name"), ns, "flux-system"), cmp.Or(yamldoc.Text(sync, "kind"), "GitRepository")
	s := source{file: file, kind: kind, ns: ns, name: name, url: yamldoc.Text(sync, "url"), own: true}
	g.sources = append(g.sources, s)
	text := "apiVersion: " + kustomizeGroup + "/v1\nkind: Kustomization\nmetadata: {}\nspec: {sourceRef: {}}\n"
	docs, err := yamldoc.Decode([]byte(text))
	if err != nil {
		return // can't be: it is ours
	}
	d := &declaration{file: file, index: -1, node: docs[0], ns: ns, name: name}
	set(yamldoc.Child(d.node, "metadata"), "name", name, "namespace", ns)
	set(yamldoc.Child(d.node, "spec"), "path", yamldoc.Text(sync, "path"))
	set(yamldoc.Child(d.node, "spec", "sourceRef"), "kind", kind, "name", name)
	g.declarations = append(g.declarations, d)
}

// set adds keys with values to a map.
func set(m *yaml.Node, pairs ...string) {
	for _, s := range pairs {
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s})
	}
}

// folder is spec.path as a folder of the repository.
func (g *Graph) folder(p string) (string, bool) {
	p = strings.TrimPrefix(path.Clean("/"+strings.TrimPrefix(p, "./")), "/")
	p = cmp.Or(p, ".")
	return p, g.tree.Dir(p) != nil
}

// source is the source that a declaration names, and where that is looked for.
func (d *declaration) source() (kind, ns, name, near string) {
	return d.text("spec", "sourceRef", "kind"), cmp.Or(d.text("spec", "sourceRef", "namespace"), d.ns), d.text("spec", "sourceRef", "name"), d.file
}

// relate reads what each declaration builds, and finds which stand in what others build.
func (g *Graph) relate() {
	for _, d := range g.declarations {
		if !d.ours {
			continue
		}
		d.folders = g.foldersOf(g.reader, d.ignore, d.path, d.components())
		seen := map[*declaration]bool{d: true}
		for _, f := range d.folders {
			f.Files(func(p string) bool {
				g.read[p] = true
				for _, c := range g.declaredIn[p] {
					if !seen[c] {
						seen[c], c.hasParent = true, true
						d.children = append(d.children, c)
					}
				}
				return true
			})
		}
	}
}

func (d *declaration) components() (out []string) {
	for _, c := range yamldoc.Items(yamldoc.Child(d.node, "spec", "components")) {
		out = append(out, yamldoc.Deref(c).Value)
	}
	return out
}

// foldersOf are a folder and the components that a Kustomization adds to it.
func (g *Graph) foldersOf(r *overlay.Reader, ignore *worktree.Ignore, dir string, components []string) []*overlay.Folder {
	out := []*overlay.Folder{r.Folder(ignore, dir)}
	for _, c := range components {
		if p, ok := worktree.Resolve(dir, c); ok && g.tree.Dir(p) != nil {
			out = append(out, r.Folder(ignore, p))
		}
	}
	return out
}
