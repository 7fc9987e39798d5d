package fluxrepo

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	written func(string) string // its texts as its file has them, where they would show a secret
	text    []byte              // YAML, with the parent's variables put in
	json    []byte
	spec    *yaml.Node
	object  kustomizev1.Kustomization
	path    string
	trees   []*tree // of the path, then of the components
	problem string  // why it can't be followed
	remote  string  // the other cluster that spec.kubeConfig leads to; empty without one

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
func (g *graph) newNode(parent *node, c *cluster, text []byte, file string, written func(string) string) *node {
	n := &node{graph: g, cluster: c, parent: parent, file: file, text: text, written: written}
	var err error
	if n.json, err = sigsyaml.YAMLToJSON(text); err == nil {
		err = n.decode()
	}
	if err != nil {
		e := Error{Place: Place{File: g.show(file)}, Message: "is not a Kustomization: " + plain(err), Fatal: true}
		g.report(e)
		if parent != nil {
			g.reportOf(parent, e)
		}
		return nil
	}
	n.ns, n.name = n.object.Namespace, n.object.Name
	n.from = g.show(file) + "#" + strings.TrimPrefix(written(n.ns)+"/"+written(n.name), "/")
	if n.problem = n.locate(); n.problem == "" {
		n.trees = g.treesOf(g.tree(n.ignore(), n.path), n.spec)
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
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(n.json, &all); err != nil {
		return err
	}
	n.object.Name, n.object.Namespace = all.Metadata.Name, all.Metadata.Namespace
	n.remote = remoteOf(all.Metadata.Namespace, all.Spec["kubeConfig"])
	for key := range all.Spec {
		if !slices.Contains(specFields, key) {
			delete(all.Spec, key)
		}
	}
	if bytes.Contains(all.Spec["suspend"], []byte("${")) {
		delete(all.Spec, "suspend")
		n.shapers = append(n.shapers, Reference{
			Reference: unnamed(release.Reference{
				Kind: "Kustomization", Namespace: n.object.Namespace, Name: n.object.Name, Key: "suspend",
				Reason: n.written(text(n.spec, "spec", "suspend")) + " has no value",
			}, n.written),
			Place: Place{File: n.graph.show(n.file)},
		})
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
		return "its path holds a variable without a value: " + n.written(p)
	}
	rel, ok := n.graph.folderOf(p)
	n.path = rel
	switch ours := n.isOurs(); {
	case !ours:
		return fmt.Sprintf("built from %s %s, which is not this repository", n.object.Spec.SourceRef.Kind, n.written(n.object.Spec.SourceRef.Name))
	case !ok || n.ignore().dir(rel):
		n.gone = true
		return fmt.Sprintf("its path %s is not in this repository", n.written(p))
	}
	return ""
}

// plainly is for the texts of a Kustomization that no other builds.
func plainly(text string) string { return text }

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
