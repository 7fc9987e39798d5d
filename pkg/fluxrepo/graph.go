package fluxrepo

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	fluxGroup    = "kustomize.toolkit.fluxcd.io"
	helmGroup    = "helm.toolkit.fluxcd.io"
	sourceGroup  = "source.toolkit.fluxcd.io"
	maxNodesSeen = 20000 // Kustomizations, counted once for each chain
	maxDepth     = 32    // of a chain
)

// graph is the repository with the Kustomizations in it.
type graph struct {
	*repo
	ctx       context.Context //nolint:containedctx // a graph lives for one Check, and every step of it may be cancelled
	opts      Options
	trees     map[treeKey]*tree
	raw       []*rawKustomization // in order of file and position
	rawIn     map[*file][]*rawKustomization
	allHot    bool
	leading   bool // something leads to Spegel's chart or values by its name
	builtins  bool // kyaml has read its schema of Kubernetes' own kinds
	elsewhere bool // something builds what can't be followed
	clusters  []*cluster
	nodes     int
	builds    map[string]*built
	rawFound  map[rawKey]rawFound
	lone      []string                   // folders with Kustomizations that nothing builds
	live      map[*rawKustomization]bool // that a cluster may run, as far as the files tell
	errors    []Error
	errorsOf  map[Error][]*node   // that they concern
	errorsIn  map[Error][]*object // HelmReleases that they concern
	said      map[Error]bool
	documents map[string]*documents // by file
	patches   map[*node][]*spot
	found     []*Release
	used      map[string]bool   // variables that were handed over and put in
	stood     map[int]bool      // sources of opts.Sources that stood for a ConfigMap or Secret
	loose     *scope            // of what no Kustomization builds
	urls      map[string]string // of GitRepositories
	gits      []gitSource
	ignores   map[string]*ignored // by spec.ignore
	asked     []string            // names of ConfigMaps and Secrets
	built     map[*file]bool      // files that any Kustomization reads
}

type decodedFile struct {
	docs  []*yaml.Node
	err   error
	named map[[2]string][]*yaml.Node // objects by kind and name; nil until they are asked for
}

// cluster is the Kustomizations that one cluster runs, as far as it can be told: those that lie in one
// folder, and what they build.
type cluster struct {
	dir   string
	plain bool // a kustomization that none of Flux's builds: what runs beside it is not known
	nodes []*node
	files map[*file]bool // what its Kustomizations read, by the files alone
}

// rawKustomization is a Flux Kustomization as it stands in a file.
type rawKustomization struct {
	file     *file
	node     *yaml.Node
	ns, name string
	path     string
	exists   bool // path leads to a folder
	known    bool // the folder is what it is built from
	hot      bool
	ignore   *ignored // of its source
	tree     *tree
	children []*rawKustomization
}

func (g *graph) findKustomizations() {
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.marks&markKustomization == 0 || path.Base(name) == "Kustomization" || slices.Contains(kustomizationNames, path.Base(name)) {
			continue
		}
		docs, _ := g.decoded(f) // reported where the file is needed
		for _, doc := range objectsOf(docs) {
			if !isKind(doc, fluxGroup, "Kustomization") || child(child(doc, "spec"), "sourceRef") == nil {
				continue // a patch, most likely
			}
			k := &rawKustomization{file: f, node: doc, ns: text(doc, "metadata", "namespace"), name: text(doc, "metadata", "name")}
			k.path, k.exists = g.folderOf(text(doc, "spec", "path"))
			g.raw = append(g.raw, k)
			g.rawIn[f] = append(g.rawIn[f], k)
		}
	}
	for _, k := range g.raw {
		k.known = k.exists && g.couldBeOurs(k)
		k.ignore = g.ignoreOf(text(k.node, "spec", "sourceRef", "kind"), k.sourceNamespace(), text(k.node, "spec", "sourceRef", "name"), k.file.path)
	}
}

// couldBeOurs tells whether a Kustomization is built from this repository, as far as it can be told
// without those that build it.
func (g *graph) couldBeOurs(k *rawKustomization) bool {
	kind, name := text(k.node, "spec", "sourceRef", "kind"), text(k.node, "spec", "sourceRef", "name")
	ns := k.sourceNamespace()
	switch kind {
	case "GitRepository":
		url := g.urlOf(kind + " " + ns + "/" + name)
		if url == "" {
			url = g.urlOf(kind + " " + path.Dir(k.file.path) + " " + name)
		}
		return url == "" || g.ownURL(url, k.path)
	case "ExternalArtifact":
		return false
	}
	return k.path != "."
}

func (k *rawKustomization) sourceNamespace() string {
	return cmp.Or(text(k.node, "spec", "sourceRef", "namespace"), k.ns)
}

// folderOf is spec.path as a folder of the repository.
func (g *graph) folderOf(p string) (string, bool) {
	p = path.Clean("/" + strings.TrimPrefix(p, "./"))
	p = strings.TrimPrefix(p, "/")
	if p == "" {
		p = "."
	}
	return p, g.dirs[p] != nil
}

func isKind(doc *yaml.Node, group, kind string) bool {
	g, _, _ := strings.Cut(text(doc, "apiVersion"), "/")
	return g == group && text(doc, "kind") == kind
}

// decoded reads the documents of a file once.
func (g *graph) decoded(f *file) ([]*yaml.Node, error) {
	if f.docs != nil {
		return f.docs.docs, f.docs.err
	}
	data, err := g.content(f)
	var d decodedFile
	if err != nil {
		d.err = err
	} else {
		d.docs, d.err = decodeDocuments(data)
	}
	f.docs = &d
	return d.docs, d.err
}

// sortedFiles are the paths of all files; nothing is added after the first call.
func (r *repo) sortedFiles() []string {
	if r.sorted != nil {
		return r.sorted
	}
	names := make([]string, 0, len(r.files))
	for name := range r.files {
		names = append(names, name)
	}
	slices.Sort(names)
	r.sorted = names
	return names
}

// look marks a file that scan left out, because it is no YAML.
func (r *repo) look(f *file) {
	if !f.wasRead() {
		r.inspect(f, make([]byte, 64<<10))
	}
}
