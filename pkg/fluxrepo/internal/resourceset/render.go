package resourceset

import (
	"errors"
	"fmt"

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

type resourceSet struct {
	Metadata struct {
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Inputs        []map[string]any `json:"inputs"`
		InputsFrom    []any            `json:"inputsFrom"`
		InputStrategy struct {
			Name string `json:"name"`
		} `json:"inputStrategy"`
		templates
		Steps []templates `json:"steps"`
	} `json:"spec"`
}

// Render makes the objects of a ResourceSet as flux-operator does: of each of its templates once for each input. An
// object without a namespace gets that of the ResourceSet.
func Render(text []byte) (out []*yaml.Node, err error) {
	var set resourceSet
	if err := sigsyaml.Unmarshal(text, &set); err != nil {
		return nil, errors.New("is not a ResourceSet: " + yamldoc.Redact(err.Error()))
	}
	switch s := set.Spec.InputStrategy.Name; {
	case len(set.Spec.InputsFrom) > 0:
		return nil, errors.New("its inputs come from a provider")
	case s != "" && s != "Flatten":
		return nil, fmt.Errorf("its inputs are combined by the strategy %q", s)
	}
	inputs := set.Spec.Inputs
	if len(inputs) == 0 {
		inputs = []map[string]any{nil}
	}
	left := &budget{maxWork}
	for _, t := range append([]templates{set.Spec.templates}, set.Spec.Steps...) {
		for _, text := range t.texts() {
			for _, in := range inputs {
				docs, err := execute(text, in, left)
				if err != nil {
					return nil, err
				}
				for _, d := range docs {
					settle(d, set.Metadata.Namespace)
				}
				out = append(out, docs...)
			}
		}
	}
	return out, nil
}

// settle puts an object into a namespace if it has none.
func settle(d *yaml.Node, ns string) {
	if m := yamldoc.Child(d, "metadata"); ns != "" && m != nil && m.Kind == yaml.MappingNode && yamldoc.Text(m, "namespace") == "" {
		for _, s := range []string{"namespace", ns} {
			m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s})
		}
	}
}
