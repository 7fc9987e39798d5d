package fluxgraph

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
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

	cluster   string     // the folder that its root lies in
	key       string     // of the chain
	text      []byte     // with the variables of its parent put in
	node      *yaml.Node // the same, decoded
	lies      string     // the cluster that it lies in: empty for that of the root, or else the way there
	fills     string     // the one that what it emits lies in: another with spec.kubeConfig
	stirs     bool       // its patches could make anything of what it builds
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
	if parent != nil {
		n.lies = parent.fills
	}
	n.fills = n.lies
	if access := yamldoc.Child(n.node, "spec", "kubeConfig"); access != nil {
		if text, err := yaml.Marshal(access); err == nil {
			n.fills += "\x00" + n.Namespace + "/" + string(text)
		}
	}
	n.locate(g)
	if n.Problem == "" {
		n.Folders = g.decl.Folders(n.Spec.Ignore, n.Spec.Path, n.Spec.Components)
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

// specFields are those that are needed here: a variable in a duration, for one, does no harm.
func specFields() []string {
	return []string{
		"path", "sourceRef", "patches", "components", "ignoreMissingComponents", "images", "targetNamespace",
		"namePrefix", "nameSuffix", "postBuild", "suspend",
	}
}

func (n *Instance) decode() error {
	docs, err := yamldoc.Decode(n.text)
	if err != nil || len(docs) == 0 {
		return cmp.Or(err, errors.New("is empty"))
	}
	n.node = docs[0]
	n.Name, n.Namespace = yamldoc.Text(n.node, "metadata", "name"), yamldoc.Text(n.node, "metadata", "namespace")
	doc, err := sigsyaml.YAMLToJSON(n.text)
	if err != nil {
		return err
	}
	var all struct {
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(doc, &all); err != nil {
		return err
	}
	suspend := string(all.Spec["suspend"])
	if names := substitute.Unknown(suspend); len(names) > 0 {
		n.SuspendUnknown = names[0]
	}
	if strings.HasPrefix(suspend, `"`) { // a variable that has no value, or that nobody puts in
		delete(all.Spec, "suspend")
	}
	maps.DeleteFunc(all.Spec, func(field string, _ json.RawMessage) bool { return !slices.Contains(specFields(), field) })
	spec, err := json.Marshal(all.Spec)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(spec, &n.Spec.KustomizationSpec); err != nil {
		return err
	}
	n.Suspended, n.Spec.JSON = n.Spec.Suspend, doc
	return nil
}

// locate finds the folder, or says why the Kustomization can't be followed.
func (n *Instance) locate(g *Graph) {
	p := n.Spec.KustomizationSpec.Path
	if len(substitute.Unknown(p)) > 0 || strings.Contains(p, "${") {
		n.Problem = "its path holds a variable without a value: " + substitute.Written(p)
		return
	}
	source := func(n *Instance, near string) declare.SourceRef {
		ref := n.Spec.SourceRef
		return declare.SourceRef{Kind: ref.Kind, Namespace: cmp.Or(ref.Namespace, n.Namespace), Name: ref.Name, Near: near}
	}
	n.Spec.Path = declare.Path(p)
	root := n.Root()
	ref := source(n, root.File)
	n.Spec.Ignore = g.decl.IgnoreOf(ref)
	same := root != n && root.Problem == "" && source(root, root.File) == ref
	switch {
	case !same && !g.decl.IsOurs(source(n, n.File), n.Spec.Path):
		n.Problem = fmt.Sprintf("built from %s %s, which is not this repository", ref.Kind, substitute.Written(ref.Name))
	case g.tree.Dir(n.Spec.Path) == nil || n.Spec.Ignore.Dir(n.Spec.Path):
		n.Missing = true
		n.Problem = fmt.Sprintf("its path %s is not in this repository", substitute.Written(p))
	}
}

// again reports whether a Kustomization is one that builds it. A namesake in another cluster, or one that leads
// elsewhere, is not.
func (n *Instance) again(up *Instance) bool {
	away := strings.TrimPrefix(n.fills, n.lies)
	return up.Namespace == n.Namespace && up.Name == n.Name && up.Spec.Path == n.Spec.Path && strings.TrimPrefix(up.fills, up.lies) == away &&
		(away != "" || up.lies == n.lies)
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
	for _, key := range [][2]string{{o.Kind, o.Written.Name}, {o.Written.Kind, "*"}, {o.Kind, "*"}} {
		if file, node := best(o, n.documents[key]); node != nil {
			return file, node
		}
	}
	return "", nil
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
