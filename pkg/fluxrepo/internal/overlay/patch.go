package overlay

import (
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Patched is an object with those of a list of patches that are for it, as flux-operator puts them on what it makes.
func Patched(object, list *yaml.Node) (*yaml.Node, error) {
	f := &Folder{File: "kustomization.yaml"}
	text, err := yaml.Marshal(list)
	if err == nil {
		err = sigsyaml.Unmarshal(text, &f.ks.Patches)
	}
	if err != nil {
		return nil, err
	}
	f.ks.Patches = slices.DeleteFunc(f.ks.Patches, func(p kustypes.Patch) bool { return p.Path != "" })
	if text, err = yaml.Marshal(object); err != nil {
		return nil, err
	}
	b := &Build{all: []*Folder{f}, size: len(text)}
	if err := b.bounded(); err != nil {
		return nil, err
	}
	f.ks.Patches, f.ks.Resources = b.aimed(f), []string{"object.yaml"}
	ks, err := sigsyaml.Marshal(f.ks)
	if err != nil {
		return nil, err
	}
	fs := filesys.MakeFsInMemory()
	if err := errors.Join(fs.WriteFile("/object.yaml", text), fs.WriteFile("/kustomization.yaml", ks)); err != nil {
		return nil, err
	}
	res, err := kustomize(fs, "/", false, false)
	if err != nil {
		return nil, Plain(err)
	}
	if text, err = res.AsYaml(); err != nil {
		return nil, Plain(err)
	}
	docs, err := yamldoc.Decode(text)
	if err != nil || len(docs) != 1 {
		return nil, errors.Join(err, errors.New("its patches leave no object"))
	}
	return docs[0], nil
}
