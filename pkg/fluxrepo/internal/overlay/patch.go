package overlay

import (
	"cmp"
	"errors"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// aimed are the patches of a folder, those that name an object with it as their target: a target may be missing, as one
// is that lies in a remote resource.
func (b *Build) aimed(f *Folder) (out []kustypes.Patch) {
	for _, p := range f.ks.Patches {
		docs, err := yamldoc.Decode([]byte(p.Patch))
		if file, ok := worktree.Resolve(f.Dir, p.Path); p.Path != "" && ok && b.Tree.File(file) != nil {
			docs, err = b.Tree.Documents(file)
		}
		if p.Target != nil || err != nil { // kustomize says what it can't read
			out = append(out, p)
			continue
		}
		for _, d := range docs {
			o := NewObject(d)
			target := &kustypes.Selector{}
			target.Group, target.Version = resid.ParseGroupVersion(o.APIVersion)
			target.Kind, target.Namespace, target.Name = o.Kind, cmp.Or(o.Namespace, "default"), regexp.QuoteMeta(o.Name)
			out = append(out, kustypes.Patch{Patch: string(o.Text), Target: target, Options: p.Options})
		}
	}
	return out
}

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
