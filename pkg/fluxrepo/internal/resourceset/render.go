package resourceset

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// templates are what objects are made of: as text, or as objects with templates in their fields.
type templates struct {
	Resources         []any  `json:"resources"`
	ResourcesTemplate string `json:"resourcesTemplate"`
}

// texts are all of them as text.
func (t templates) texts() (out []string) {
	for _, r := range t.Resources {
		text, _ := sigsyaml.Marshal(r) // it was decoded
		out = append(out, string(text))
	}
	return append(out, t.ResourcesTemplate)
}

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
// itself is disabled.
func Render(text []byte) (out []*yaml.Node, suspended bool, err error) {
	var set resourceSet
	if err := sigsyaml.Unmarshal(text, &set); err != nil {
		return nil, false, errors.New("is not a ResourceSet: " + yamldoc.Redact(err.Error()))
	}
	suspended = set.Metadata.Annotations[reconcile] == disabled
	switch s := set.Spec.InputStrategy.Name; {
	case set.Spec.CommonMetadata.Annotations[reconcile] == disabled:
		return nil, suspended, nil
	case len(set.Spec.InputsFrom) > 0:
		return nil, suspended, errors.New("its inputs come from a provider")
	case s != "" && s != "Flatten":
		return nil, suspended, fmt.Errorf("its inputs are combined by the strategy %q", s)
	}
	inputs := set.Spec.Inputs
	if len(inputs) == 0 {
		inputs = []map[string]any{nil}
	}
	left := &budget{maxWork}
	for _, t := range append([]templates{set.Spec.templates}, set.Spec.Steps...) {
		seen := map[[4]string]bool{}
		for _, text := range t.texts() {
			for _, in := range inputs {
				docs, err := execute(text, in, left)
				if err != nil {
					return nil, suspended, err
				}
				for _, d := range docs {
					if yamldoc.Text(d, "metadata", "annotations", reconcile) == disabled {
						continue
					}
					settle(d, set.Metadata.Namespace)
					if id := identity(d); !seen[id] { // the first wins, and resources win over the resourcesTemplate
						seen[id] = true
						out = append(out, d)
					}
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
