// Package resourceset renders the ResourceSets of flux-operator.
//
// In comes a ResourceSet with inline inputs; out go the objects that its templates make of them. A template sees its
// input and nothing else: the package must never give it the environment, a file or the network, and bounds what it
// does. Of the project it may import yamldoc.
package resourceset

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// templates are what objects are made of: objects with templates in their fields, and a text.
type templates struct {
	Resources         []any  `json:"resources"`
	ResourcesTemplate string `json:"resourcesTemplate"`
}

// Error says why a ResourceSet can't be followed though its fields are right: what it needs is not known here, is too much, or a
// template fails.
type Error string

// Error is the reason.
func (e Error) Error() string { return string(e) }

type metadata struct {
	Namespace   string         `json:"namespace"`
	Annotations map[string]any `json:"annotations"`
}

type resourceSet struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		CommonMetadata metadata         `json:"commonMetadata"`
		Inputs         []map[string]any `json:"inputs"`
		InputsFrom     []any            `json:"inputsFrom"`
		InputStrategy  struct {
			Name string `json:"name"`
		} `json:"inputStrategy"`
		templates
		Steps []templates `json:"steps"`
	} `json:"spec"`
}

// The annotation, and its value, of what flux-operator does not reconcile.
const reconcile, disabled = "fluxcd.controlplane.io/reconcile", "disabled"

// Render makes the objects of a ResourceSet as flux-operator does: of each of its templates once for each input, except
// those that are disabled. An object without a namespace gets that of the ResourceSet. suspended says that the ResourceSet
// itself is disabled. An error is an Error where nothing is wrong with the fields.
func (r *Renderer) Render(object []byte) (out []*yaml.Node, suspended bool, err error) {
	var set resourceSet
	if err := yamldoc.Read(object, &set); err != nil {
		return nil, false, err
	}
	suspended = set.Metadata.Annotations[reconcile] == disabled
	switch s := set.Spec.InputStrategy.Name; {
	case set.Spec.CommonMetadata.Annotations[reconcile] == disabled:
		return nil, suspended, nil
	case len(set.Spec.InputsFrom) > 0:
		return nil, suspended, Error("its inputs come from a provider")
	case s != "" && s != "Flatten":
		return nil, suspended, Error(fmt.Sprintf("its inputs are combined by the strategy %q", s))
	}
	inputs := set.Spec.Inputs
	if len(inputs) == 0 {
		inputs = []map[string]any{nil}
	}
	for _, group := range append([]templates{set.Spec.templates}, set.Spec.Steps...) {
		seen := map[[4]string]bool{}
		for _, t := range append(group.Resources, group.ResourcesTemplate) {
			docs, err := r.execute(t, inputs)
			if err != nil {
				return nil, suspended, Error("a template fails: " + yamldoc.Redact(strings.TrimPrefix(err.Error(), "template: ")))
			}
			for _, d := range docs {
				if yamldoc.Text(d, "metadata", "annotations", reconcile) == disabled {
					continue
				}
				settle(d, set.Metadata.Namespace)
				if id := identity(d); !seen[id] { // the first wins, and resources win over the resourcesTemplate
					seen[id], out = true, append(out, d)
				}
			}
		}
	}
	return out, suspended, nil
}

// identity is what a cluster tells objects by.
func identity(d *yaml.Node) [4]string {
	group, _, _ := strings.Cut(yamldoc.Text(d, "apiVersion"), "/")
	return [4]string{group, yamldoc.Text(d, "kind"), yamldoc.Text(d, "metadata", "namespace"), yamldoc.Text(d, "metadata", "name")}
}

// settle puts an object into a namespace if it has none.
func settle(d *yaml.Node, ns string) {
	if m := yamldoc.Child(d, "metadata"); ns != "" && m != nil && m.Kind == yaml.MappingNode && yamldoc.Text(m, "namespace") == "" {
		for _, s := range []string{"namespace", ns} {
			m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s})
		}
	}
}
