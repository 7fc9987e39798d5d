package overlay

import (
	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Object is one object that a build emits.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	Text                              []byte // YAML, before variables are put in
	Verbatim                          bool   // variables are not put in
}

// NewObject is an object as it stands in a file.
func NewObject(d *yaml.Node) *Object {
	text, err := yaml.Marshal(d)
	if err != nil {
		text = nil // can't be: it was decoded
	}
	return newObject(d, text)
}

func newObject(d *yaml.Node, text []byte) *Object {
	const key = "kustomize.toolkit.fluxcd.io/substitute"
	return &Object{
		APIVersion: yamldoc.Text(d, "apiVersion"), Kind: yamldoc.Text(d, "kind"),
		Namespace: yamldoc.Text(d, "metadata", "namespace"), Name: yamldoc.Text(d, "metadata", "name"), Text: text,
		Verbatim: yamldoc.Text(d, "metadata", "labels", key) == fluxkustomize.DisabledValue ||
			yamldoc.Text(d, "metadata", "annotations", key) == fluxkustomize.DisabledValue,
	}
}
