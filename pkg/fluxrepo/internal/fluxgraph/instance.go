package fluxgraph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Instance is a Kustomization as one chain of Kustomizations builds it, or a plain kustomization.
type Instance struct {
	Parent          *Instance
	Of              *Object // nil for a root
	File            string  // it comes from
	Namespace, Name string
	Spec            overlay.Spec
	Folders         []*overlay.Folder // what it reads; empty with a problem
	Scope           *substitute.Scope
	Objects         []*Object
	Err             error  // of the build, or why the Kustomization can't be read
	Problem         string // why it can't be followed
	Missing         bool   // its path does not exist
	Unfollowed      bool   // patches were left out because what they are for may lie elsewhere
	Plain           bool   // no Kustomization of Flux builds it
	Suspended       bool
	// SuspendUnknown is the variable that says whether it is suspended; empty for none.
	SuspendUnknown string
	Built          bool // or it is not relevant

	cluster   string // the folder that its root lies in
	key       string // of the chain
	text      []byte // with the variables of its parent put in
	remote    string // the other cluster that spec.kubeConfig leads to; empty without one
	stirs     bool   // its patches could make anything of what it builds
	documents map[[2]string][]document
}

// Object is one object as it is applied.
type Object struct {
	Kind, APIVersion, Namespace, Name string
	Text                              []byte    // YAML, with variables put in
	Unset                             []string  // variables that nothing sets, so that they are empty
	Err                               error     // variables can't be put in
	By                                *Instance // nil for one that nothing builds
	File                              string    // where that one stands
	Written                           *overlay.Object
	node                              *yaml.Node // of one that nothing builds
}

// Chain is the way from the root to an instance.
func (n *Instance) Chain() []*Instance {
	var out []*Instance
	for ; n != nil; n = n.Parent {
		out = append(out, n)
	}
	slices.Reverse(out)
	return out
}

// Root is the outermost Kustomization of the chain.
func (n *Instance) Root() *Instance {
	for n.Parent != nil {
		n = n.Parent
	}
	return n
}

// Files visits every file that the instance's own build reads.
func (n *Instance) Files(visit func(file string) bool) {
	for _, f := range n.Folders {
		f.Files(visit)
	}
}

// newInstance reads a Kustomization.
func (g *Graph) newInstance(parent *Instance, cluster string, text []byte, file string) *Instance {
	n := &Instance{Parent: parent, cluster: cluster, text: text, File: file}
	if err := n.decode(); err != nil {
		n.Err = errors.New("is not a Kustomization: " + overlay.Plain(err).Error())
		return n
	}
	n.key = keyOf(parent, file, n.Namespace, n.Name)
	n.locate(g)
	if n.Problem == "" {
		n.Folders = g.foldersOf(g.reader, n.Spec.Ignore, n.Spec.Path, n.Spec.Components)
	}
	return n
}

func keyOf(parent *Instance, file, ns, name string) string {
	key := file + "#" + ns + "/" + name
	if parent != nil {
		key = parent.key + "\x00" + key
	}
	return key
}

func specFields() []string {
	return []string{
		"path", "sourceRef", "patches", "components", "ignoreMissingComponents", "images", "targetNamespace",
		"namePrefix", "nameSuffix", "postBuild", "suspend",
	}
}

// decode reads what is needed here: a variable in a duration, for one, does no harm.
func (n *Instance) decode() error {
	if _, err := yamldoc.Decode(n.text); err != nil {
		return err
	}
	var err error
	if n.Spec.JSON, err = sigsyaml.YAMLToJSON(n.text); err != nil {
		return err
	}
	var all struct {
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(n.Spec.JSON, &all); err != nil {
		return err
	}
	n.Name, n.Namespace = all.Metadata.Name, all.Metadata.Namespace
	n.remote = remoteOf(n.Namespace, all.Spec["kubeConfig"])
	for key := range all.Spec {
		if !slices.Contains(specFields(), key) {
			delete(all.Spec, key)
		}
	}
	if names := substitute.Unknown(string(all.Spec["suspend"])); len(names) > 0 {
		n.SuspendUnknown = names[0]
		delete(all.Spec, "suspend")
	} else if bytes.HasPrefix(all.Spec["suspend"], []byte(`"`)) {
		delete(all.Spec, "suspend") // a variable that nobody puts in
	}
	spec, err := json.Marshal(all.Spec)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(spec, &n.Spec.KustomizationSpec); err != nil {
		return err
	}
	n.Suspended = n.Spec.Suspend
	if bytes.Contains(n.Spec.JSON, []byte(`"patchesStrategicMerge"`)) || bytes.Contains(n.Spec.JSON, []byte(`"patchesJson6902"`)) {
		return nil
	}
	n.Spec.JSON = nil
	return nil
}

// locate finds the folder, or says why the Kustomization can't be followed.
func (n *Instance) locate(g *Graph) {
	p, ref := n.Spec.KustomizationSpec.Path, n.Spec.SourceRef
	if len(substitute.Unknown(p)) > 0 || strings.Contains(p, "${") {
		n.Problem = "its path holds a variable without a value: " + substitute.Written(p)
		return
	}
	rel, exists := g.folder(p)
	n.Spec.Path = rel
	ns := cmp.Or(ref.Namespace, n.Namespace)
	n.Spec.Ignore = g.ignoreOf(ref.Kind, ns, ref.Name, n.Root().File)
	root := n.Root()
	same := root != n && root.Problem == "" && root.Spec.SourceRef.Kind == ref.Kind && root.Spec.SourceRef.Name == ref.Name &&
		cmp.Or(root.Spec.SourceRef.Namespace, root.Namespace) == ns
	switch {
	case !same && g.whose(ref.Kind, ns, ref.Name, n.File, rel) != ours:
		n.Problem = fmt.Sprintf("built from %s %s, which is not this repository", ref.Kind, substitute.Written(ref.Name))
	case !exists || n.Spec.Ignore.Dir(rel):
		n.Missing = true
		n.Problem = fmt.Sprintf("its path %s is not in this repository", substitute.Written(p))
	}
}

// remoteOf names the cluster that a spec.kubeConfig leads to by what holds the access to it.
func remoteOf(ns string, kubeConfig json.RawMessage) string {
	if len(kubeConfig) == 0 || string(kubeConfig) == "null" {
		return ""
	}
	var in struct {
		SecretRef struct {
			Name string `json:"name"`
		} `json:"secretRef"`
		ConfigMapRef struct {
			Name string `json:"name"`
		} `json:"configMapRef"`
	}
	err := json.Unmarshal(kubeConfig, &in)
	switch {
	case err == nil && in.SecretRef.Name != "":
		return "Secret " + ns + "/" + in.SecretRef.Name
	case err == nil && in.ConfigMapRef.Name != "":
		return "ConfigMap " + ns + "/" + in.ConfigMapRef.Name
	}
	return ns + " " + string(kubeConfig)
}

// lies is the cluster that a Kustomization itself lies in: empty for the one of the root, or else the way there.
func (n *Instance) lies() string {
	if n.Parent == nil {
		return ""
	}
	return n.Parent.fills()
}

// fills is the cluster that what a Kustomization emits lies in.
func (n *Instance) fills() string {
	if n.remote == "" {
		return n.lies()
	}
	return n.lies() + "\x00" + n.remote
}

// again reports whether a Kustomization is one that builds it. A namesake in another cluster, or one that leads
// elsewhere, is not.
func (n *Instance) again(up *Instance) bool {
	return up.Namespace == n.Namespace && up.Name == n.Name && up.Spec.Path == n.Spec.Path && up.remote == n.remote &&
		(n.remote != "" || up.lies() == n.lies())
}

// document is an object in a file.
type document struct {
	file string
	node *yaml.Node
}

// Document is where an object was read from: the document of its name, or of one that its own was made of by a
// prefix, or else the first of its kind. node is nil if it stands in no file as it is.
func (g *Graph) Document(o *Object) (file string, node *yaml.Node) {
	if o.By == nil {
		return o.File, o.node
	}
	n := o.By
	if n.documents == nil {
		n.documents = map[[2]string][]document{}
		for _, f := range n.Folders {
			f.Walk(func(f *overlay.Folder) bool {
				for _, p := range f.Resources {
					docs, _ := g.tree.Documents(p) // reported with the build
					for _, d := range yamldoc.Objects(docs) {
						kind := yamldoc.Text(d, "kind")
						for _, key := range [][2]string{{kind, yamldoc.Text(d, "metadata", "name")}, {kind, "*"}} {
							n.documents[key] = append(n.documents[key], document{p, d})
						}
					}
				}
				return true
			})
		}
	}
	if file, node := best(o, n.documents[[2]string{o.Kind, o.Written.Name}]); node != nil {
		return file, node
	}
	if file, node := best(o, n.documents[[2]string{o.Written.Kind, "*"}]); node != nil {
		return file, node
	}
	return best(o, n.documents[[2]string{o.Kind, "*"}])
}

func best(o *Object, docs []document) (string, *yaml.Node) {
	found, points := document{}, 0
	for _, d := range docs {
		ns, name := yamldoc.Text(d.node, "metadata", "namespace"), yamldoc.Text(d.node, "metadata", "name")
		score := 1
		switch {
		case name == o.Written.Name && ns == o.Written.Namespace:
			score = 4
		case name == o.Written.Name:
			score = 3
		case strings.Contains(o.Written.Name, name):
			score = 2
		}
		if score > points {
			found, points = d, score
		}
	}
	return found.file, found.node
}
