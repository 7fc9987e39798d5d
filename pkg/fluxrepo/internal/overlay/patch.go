package overlay

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// aimed are patches that name an object with it as their target: a target may be missing, as one is that lies in a remote
// resource. dir is where the paths of those in files begin.
func aimed(tree *worktree.Tree, dir string, patches []kustypes.Patch) (out []kustypes.Patch) {
	for _, p := range patches {
		docs, err := yamldoc.Decode([]byte(p.Patch))
		if p.Path != "" {
			file, _ := worktree.Resolve(dir, p.Path)
			docs, err = tree.Documents(file)
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
	var patches []kustypes.Patch
	if err := list.Decode(&patches); err != nil {
		return nil, err
	}
	const file = "object.yaml"
	patches = slices.DeleteFunc(patches, func(p kustypes.Patch) bool { return p.Path != "" })
	top := &Folder{ks: kustypes.Kustomization{Resources: []string{file}, Patches: aimed(nil, "", patches)}}
	text, err := json.Marshal(top.ks)
	if err != nil {
		return nil, err
	}
	all := (&Build{Tree: &worktree.Tree{}, Spec: &Spec{Ignore: &worktree.Ignore{}}, all: []*Folder{top}}).newFiles()
	all.add(file, NewObject(object).Text)
	all.add("kustomization.yaml", text)
	out := all.build()
	if out.Err != nil || len(out.Objects) != 1 {
		return nil, cmp.Or(out.Err, errors.New("its patches leave no object"))
	}
	docs, err := yamldoc.Decode(out.Objects[0].Text)
	if err != nil {
		return nil, err
	}
	return docs[0], nil
}
