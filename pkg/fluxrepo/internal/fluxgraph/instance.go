package fluxgraph

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Instance is a Kustomization as one chain of Kustomizations builds it, or a plain kustomization.
type Instance struct {
	*declare.Kustomization

	Parent    *Instance
	Self      *Object // the Kustomization itself; empty for a plain kustomization
	Spec      overlay.Spec
	Scope     *substitute.Scope
	Objects   []*Object
	Err       error // of the build, or why the Kustomization can't be read
	Plain     bool  // no Kustomization of Flux builds it
	Suspended bool
	// SuspendUnknown is the variable that says whether it is suspended; empty for none.
	SuspendUnknown string
	Built          bool // or it is not relevant

	key       string    // of the chain
	spec      string    // what is read of it
	cluster   string    // it applies to: the folder of the root, and the last spec.kubeConfig on the way
	variables []*Object // the ConfigMaps and Secrets that its variables come from
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

// adopt reads the Kustomization that an object is, and returns it if it is to be followed: an object of a cluster is, once for
// each spec that it has there, however many chains lead to it.
func (g *Graph) adopt(parent *Instance, of *Object) *Instance {
	file, _ := g.Document(of)
	n := &Instance{Parent: parent, Self: of, cluster: path.Dir(file), key: key(file, of.Namespace, of.Name)}
	if parent != nil {
		n.cluster, n.key = parent.cluster, parent.key+"/>/"+n.key
	}
	if g.only != nil && !g.only[n.key] {
		return nil
	}
	n.Kustomization = &declare.Kustomization{File: file}
	root := n.Chain()[0]
	if n.Err = n.decode(); n.Err == nil {
		if yamldoc.Child(n.Node, "spec", "sourceRef") == nil { // the API server refuses it
			return nil
		}
		g.Declared.Follow(n.Kustomization, root.Kustomization)
		n.Spec.Path, n.Spec.Ignore = n.Path, n.Ignore
	}
	n.Namespace, n.Name = of.Namespace, of.Name
	if n.Err != nil || n.Problem != "" {
		return n
	}
	id := fmt.Sprintf("%q", []string{root.key, n.cluster, n.Namespace, n.Name, n.spec})
	if g.followed[id] && g.only == nil {
		return nil
	}
	g.followed[id] = true
	n.Scope = g.scope(n)
	return n
}

func key(file, ns, name string) string { return file + "#" + ns + "/" + name }

// decode reads a Kustomization out of its text.
func (n *Instance) decode() error {
	docs, err := yamldoc.Decode([]byte(substitute.Written(string(n.Self.Text))))
	switch {
	case err != nil:
		return err
	case len(docs) == 0:
		return errors.New("is empty")
	}
	n.Kustomization = declare.NewKustomization(docs[0], n.File)
	if access := yamldoc.Child(n.Node, "spec", "kubeConfig"); access != nil {
		n.cluster = fmt.Sprintf("%s\x00%s/%s/%s", path.Dir(n.Chain()[0].File), n.Self.Namespace, yamldoc.Text(access, "secretRef", "name"), yamldoc.Text(access, "configMapRef", "name"))
	}
	if err := yamldoc.Read(n.Self.Text, &struct {
		Spec *overlay.Spec `json:"spec"`
	}{&n.Spec}); err != nil {
		return err
	}
	text, err := json.Marshal(n.Spec)
	n.spec = string(text)
	n.Suspended, _ = n.Spec.Suspend.(bool)
	suspend, _ := n.Spec.Suspend.(string) // a variable that has no value, or that nobody puts in
	if names := substitute.Unknown(suspend); len(names) > 0 {
		n.SuspendUnknown = names[0]
	}
	return err
}

// scope reads the variables of a Kustomization.
func (g *Graph) scope(n *Instance) *substitute.Scope {
	var parent *substitute.Scope
	home := path.Dir(n.File) // the cluster that it lies in itself
	if n.Parent != nil {
		parent, home = n.Parent.Scope, n.Parent.cluster
	}
	s := substitute.New(parent, g.Given)
	pb := n.Spec.PostBuild
	if pb == nil {
		return s
	}
	for _, ref := range pb.SubstituteFrom {
		o, missing := g.find(n, home, ref.Kind, n.Namespace, ref.Name)
		var data map[string]substitute.Datum
		if o != nil {
			n.variables = append(n.variables, o)
			var err error
			if data, err = substitute.Data(o.Kind, o.Text); err != nil {
				missing = overlay.Plain(err).Error()
			}
		}
		s.From(release.Reference{Kind: ref.Kind, Namespace: n.Namespace, Name: ref.Name}, data, missing)
	}
	own := map[string]substitute.Datum{}
	for name, value := range pb.Substitute {
		own[name] = substitute.Datum{Text: value}
	}
	if len(own) > 0 {
		s.From(release.Reference{Kind: "Kustomization", Namespace: n.Namespace, Name: n.Name}, own, "")
	}
	if pb.SubstituteStrategy == "Always" {
		s.Always()
	}
	return s
}
