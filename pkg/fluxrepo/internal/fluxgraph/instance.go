package fluxgraph

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Instance is a Kustomization as one chain of Kustomizations builds it, or a plain kustomization.
type Instance struct {
	Parent          *Instance
	Of              *Object    // nil for a root
	File            string     // it comes from
	At              *yaml.Node // it, as it stands there; nil if it does not
	Text            []byte     // with the variables of its parent put in
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
	// SuspendUnknown is the variable that says whether it is suspended; empty for none.
	SuspendUnknown string
	Built          bool // or it is not relevant

	mayRead   string     // how the paths of files begin, after a slash, that it may read though it can't be followed; empty for none
	key       string     // of the chain
	node      *yaml.Node // Text, decoded
	spec      string     // what is read of it
	home      string     // the cluster that it lies in: the folder of the root, and each spec.kubeConfig on the way
	cluster   string     // that what it emits lies in
	variables []*Object  // what they come from
}

// Object is one object as it is applied.
type Object struct {
	Kind, APIVersion, Namespace, Name string
	Text                              []byte    // YAML, with variables put in
	Unset                             []string  // variables that nothing sets, so that they are empty
	Err                               error     // variables can't be put in, or a ResourceSet can't be rendered
	Suspended                         bool      // the ResourceSet that makes it is not reconciled
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

// Files visits every file that the instance's own build reads.
func (n *Instance) Files(visit func(file string) bool) {
	for _, f := range n.Folders {
		f.Files(visit)
	}
}

// read reads a Kustomization out of its text, and finds the folders that it builds, or says why it can't be followed.
func (n *Instance) read(g *Graph) {
	if n.Err = n.decode(); n.Err != nil {
		return
	}
	n.cluster = n.home
	if access := yamldoc.Child(n.node, "spec", "kubeConfig"); access != nil {
		n.cluster += "\x00" + n.Namespace + "/" + yamldoc.Text(access, "secretRef", "name") + "/" + yamldoc.Text(access, "configMapRef", "name")
	}
	p, root := n.Spec.KustomizationSpec.Path, n.Chain()[0]
	ref, near := declare.SourceOf(n.node, root.File), declare.SourceOf(n.node, n.File)
	n.Spec.Path, n.Spec.Ignore = declare.Path(p), g.Declared.IgnoreOf(ref)
	same := root != n && root.Problem == "" && declare.SourceOf(root.node, root.File) == ref
	before, _, isVariable := strings.Cut(substitute.Written(p), "${")
	switch {
	case isVariable:
		n.Problem = "its path holds a variable without a value: " + substitute.Written(p)
	case !same && !g.Declared.IsOurs(near, n.Spec.Path):
		n.Problem = fmt.Sprintf("built from %s %s, which is not this repository", ref.Kind, substitute.Written(ref.Name))
	case g.tree.Dir(n.Spec.Path) == nil || n.Spec.Ignore.Dir(n.Spec.Path):
		n.Missing = true
		n.Problem = fmt.Sprintf("its path %s is not in this repository", substitute.Written(p))
	default:
		n.Folders = g.Declared.Folders(n.Spec.Ignore, n.Spec.Path, n.Spec.Components)
	}
	if n.Problem != "" && !n.Missing && !n.Spec.Suspend && (same || g.Declared.MayBeOurs(near)) {
		if !isVariable {
			before += "/"
		}
		dir, begin := path.Split(before)
		n.mayRead = strings.TrimSuffix(path.Clean("/"+dir), "/") + "/" + begin
	}
}

func (n *Instance) decode() error {
	docs, err := yamldoc.Decode(n.Text)
	if err != nil || len(docs) == 0 {
		return cmp.Or(err, errors.New("is empty"))
	}
	n.node = docs[0]
	n.Name, n.Namespace = yamldoc.Text(n.node, "metadata", "name"), yamldoc.Text(n.node, "metadata", "namespace")
	doc, err := yamldoc.Fields(n.Text, // those that are needed here: a variable in a duration, for one, does no harm
		"spec.path", "spec.sourceRef", "spec.patches", "spec.components", "spec.ignoreMissingComponents", "spec.images",
		"spec.targetNamespace", "spec.namePrefix", "spec.nameSuffix", "spec.postBuild", "spec.suspend",
		"spec.patchesStrategicMerge", "spec.patchesJson6902")
	if err != nil {
		return err
	}
	n.spec = fmt.Sprintf("%q", doc["spec"])
	spec, _ := doc["spec"].(map[string]any)
	if suspend, isText := spec["suspend"].(string); isText { // a variable that has no value, or that nobody puts in
		delete(spec, "suspend")
		if names := substitute.Unknown(suspend); len(names) > 0 {
			n.SuspendUnknown = names[0]
		}
	}
	return yamldoc.Into(doc, &struct {
		Spec *overlay.Spec `json:"spec"`
	}{&n.Spec})
}

// isLoop reports whether a Kustomization is one that builds it. A namesake in another cluster, or one that leads
// elsewhere, is not.
func (n *Instance) isLoop() bool {
	leads := func(n *Instance) string { return strings.TrimPrefix(n.cluster, n.home) }
	for up := n.Parent; up != nil && n.Err == nil; up = up.Parent {
		if up.Namespace == n.Namespace && up.Name == n.Name && up.Spec.Path == n.Spec.Path && leads(up) == leads(n) {
			return true
		}
	}
	return false
}
