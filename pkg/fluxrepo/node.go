package fluxrepo

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// node is a Kustomization as one chain of Kustomizations builds it.
type node struct {
	graph   *graph
	cluster *cluster
	parent  *node
	from    string // file#namespace/name
	file    string // it comes from, in the repository
	ns      string
	name    string
	text    []byte // YAML, with the parent's variables put in
	json    []byte
	spec    *yaml.Node
	object  kustomizev1.Kustomization
	path    string
	trees   []*tree // of the path, then of the components
	problem string  // why it can't be followed

	expanded bool
	failed   bool        // to build
	gone     bool        // its path does not exist, so nothing comes of it
	shapers  []Reference // remote things that could change what is built
	built    *built
	vars     *scope
	scoping  bool
	left     map[string]release.Reference // variables of the parent's without a value, left as they are
}

// newNode reads a Kustomization. It returns nil with an error that is reported already.
func (g *graph) newNode(parent *node, c *cluster, text []byte, file string) *node {
	n := &node{graph: g, cluster: c, parent: parent, file: file, text: text}
	var err error
	if n.json, err = sigsyaml.YAMLToJSON(text); err == nil {
		err = n.decode()
	}
	if err != nil {
		g.report(Error{Place: Place{File: g.show(file)}, Message: "is not a Kustomization: " + plain(err), Fatal: true})
		return nil
	}
	n.ns, n.name = n.object.Namespace, n.object.Name
	n.from = g.show(file) + "#" + strings.TrimPrefix(n.ns+"/"+n.name, "/")
	if n.problem = n.locate(); n.problem == "" {
		n.trees = g.treesOf(g.tree(n.path), n.spec)
	}
	return n
}

func (n *node) decode() error {
	docs, err := decodeDocuments(n.text)
	if err != nil {
		return err
	}
	if len(docs) != 1 {
		return fmt.Errorf("%d documents", len(docs))
	}
	n.spec = docs[0]
	// only what is read here: a variable in a duration, for one, does no harm
	var all struct {
		Metadata struct{ Name, Namespace string } `json:"metadata"`
		Spec     map[string]json.RawMessage       `json:"spec"`
	}
	if err := json.Unmarshal(n.json, &all); err != nil {
		return err
	}
	n.object.Name, n.object.Namespace = all.Metadata.Name, all.Metadata.Namespace
	for key := range all.Spec {
		if !slices.Contains(specFields, key) {
			delete(all.Spec, key)
		}
	}
	spec, err := json.Marshal(all.Spec)
	if err != nil {
		return err
	}
	return json.Unmarshal(spec, &n.object.Spec)
}

var specFields = []string{
	"path", "sourceRef", "patches", "components", "ignoreMissingComponents", "images", "targetNamespace",
	"namePrefix", "nameSuffix", "postBuild", "suspend",
}

// locate finds the folder, or says why it can't be followed.
func (n *node) locate() string {
	p := n.object.Spec.Path
	if strings.Contains(p, "${") {
		return "its path holds a variable without a value: " + p
	}
	rel, ok := n.graph.folderOf(p)
	n.path = rel
	switch ours := n.isOurs(); {
	case !ours:
		return fmt.Sprintf("built from %s %s, which is not this repository", n.object.Spec.SourceRef.Kind, n.object.Spec.SourceRef.Name)
	case !ok:
		n.gone = true
		return fmt.Sprintf("its path %s is not in this repository", p)
	}
	return ""
}

// isOurs tells whether the source of a Kustomization is this repository.
func (n *node) isOurs() bool {
	ref := n.object.Spec.SourceRef
	if ref.Kind == "ExternalArtifact" {
		return false
	}
	root := n
	for root.parent != nil {
		root = root.parent
	}
	if root != n && root.source() == n.source() {
		return true
	}
	switch ref.Kind {
	case "GitRepository":
		theirs := n.urlOfSource()
		if theirs == "" {
			return n.graph.dirs[n.path] != nil // made outside of the repository, as a bootstrap does
		}
		if root != n {
			return theirs == root.urlOfSource()
		}
		return n.graph.ownURL(theirs, n.path)
	default: // an artifact may hold any part of a repository
		return root == n && n.path != "." && n.graph.dirs[n.path] != nil
	}
}

// source names the source of a Kustomization.
func (n *node) source() string {
	ref := n.object.Spec.SourceRef
	ns := ref.Namespace
	if ns == "" {
		ns = n.ns
	}
	return ref.Kind + " " + ns + "/" + ref.Name
}

// urlOf is the URL of a source that stands in the repository, or "".
func (g *graph) urlOf(source string) string {
	if g.urls == nil {
		g.urls = map[string]string{}
		for _, name := range g.sortedFiles() {
			if f := g.files[name]; f.marks&markGit != 0 {
				docs, _ := g.decoded(f) //nolint:errcheck // what can't be read names no source
				for _, d := range docs {
					if isKind(d, sourceGroup, "GitRepository") {
						g.urls["GitRepository "+text(d, "metadata", "namespace")+"/"+text(d, "metadata", "name")] = text(d, "spec", "url")
						g.urls["GitRepository "+path.Dir(name)+" "+text(d, "metadata", "name")] = text(d, "spec", "url")
					}
				}
			}
		}
	}
	return g.urls[source]
}

// urlOfSource is the URL of a Kustomization's source. A source beside it may lack its namespace.
func (n *node) urlOfSource() string {
	if url := n.graph.urlOf(n.source()); url != "" {
		return url
	}
	ref := n.object.Spec.SourceRef
	return n.graph.urlOf(ref.Kind + " " + path.Dir(n.file) + " " + ref.Name)
}

// ownURL tells whether a URL is this repository's. It is the one of the source that Flux's own
// Kustomization, which builds the folder that it lies in, has; without one, any may be that is built
// from a folder that exists.
func (g *graph) ownURL(url, folder string) bool {
	known := false
	for _, k := range g.raw {
		if !k.exists || text(k.node, "spec", "path") == "" || !within(path.Dir(k.file.path), k.path) {
			continue
		}
		ns := text(k.node, "spec", "sourceRef", "namespace")
		if ns == "" {
			ns = k.ns
		}
		u := g.urlOf(text(k.node, "spec", "sourceRef", "kind") + " " + ns + "/" + text(k.node, "spec", "sourceRef", "name"))
		if u == url {
			return true
		}
		known = known || u != ""
	}
	return !known && folder != "." && g.dirs[folder] != nil
}

// within tells whether a path is a folder or lies in it.
func within(p, folder string) bool {
	return folder == "." || p == folder || strings.HasPrefix(p, folder+"/")
}

// chain is the way from the root to the node.
func (n *node) chain() []*node {
	var out []*node
	for ; n != nil; n = n.parent {
		out = append(out, n)
	}
	slices.Reverse(out)
	return out
}

func (n *node) suspended() bool {
	for ; n != nil; n = n.parent {
		if n.object.Spec.Suspend {
			return true
		}
	}
	return false
}
