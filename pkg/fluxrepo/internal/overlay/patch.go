package overlay

import (
	"cmp"
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Patched is an object with those of a list of patches that are for it, as flux-operator puts them on what it makes.
func Patched(object, list *yaml.Node) (*yaml.Node, error) {
	var spec Spec
	text, err := yaml.Marshal(list)
	if err == nil {
		err = sigsyaml.Unmarshal(text, &spec.Patches)
	}
	if err != nil {
		return nil, err
	}
	spec.Patches = slices.DeleteFunc(spec.Patches, func(p kustypes.Patch) bool { return p.Path != "" })
	tree := worktree.Few(".", worktree.Options{Asked: []string{"object.yaml"}}, NewObject(object).Text)
	spec.Path, spec.Ignore = ".", tree.Ignoring("")
	folder := NewReader(tree, func(string) bool { return false }).Folder(spec.Ignore, spec.Path)
	out := NewCache().Run(Build{Tree: tree, Spec: &spec, Folders: []*Folder{folder}, aim: true})
	if out.Err != nil || len(out.Objects) != 1 {
		return nil, cmp.Or(out.Err, errors.New("its patches leave no object"))
	}
	docs, err := yamldoc.Decode(out.Objects[0].Text)
	if err != nil {
		return nil, err
	}
	return docs[0], nil
}
