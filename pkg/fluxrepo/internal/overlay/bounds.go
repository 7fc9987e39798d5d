package overlay

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// maxCopied bounds what JSON patches may make of the objects of a build, in bytes: each copy may double one of them.
const maxCopied = 1 << 28

// bounded refuses patches that would fill the memory: kustomize v0.21 expands the aliases of a patch without a
// bound, and each operation that copies may double an object. Other files are looked at when kustomize reads them.
func (b *Build) bounded() error {
	copied := 0
	for _, f := range b.all {
		all := f.Patches()
		for _, text := range slices.Concat(f.ks.Transformers, f.ks.Generators, f.ks.Validators) {
			all = append(all, kustypes.Patch{Patch: text})
		}
		for _, p := range all {
			docs, err := b.documents(f, p)
			if yamldoc.IsBomb(err) {
				return fmt.Errorf("a patch, or the like, %w", err)
			}
			for _, d := range docs {
				for _, op := range yamldoc.Items(d) {
					if yamldoc.Text(op, "op") == "copy" {
						copied++
					}
				}
			}
		}
	}
	if copied > 1 && (copied > 27 || b.size<<copied > maxCopied) {
		return fmt.Errorf("its patches copy too much (%d times)", copied)
	}
	return nil
}

// documents are those of a patch, which stands in the kustomization itself or in a file.
func (b *Build) documents(f *Folder, p kustypes.Patch) ([]*yaml.Node, error) {
	if file, ok := worktree.Resolve(f.Dir, p.Path); p.Path != "" && ok && b.Tree.File(file) != nil {
		return b.Tree.Documents(file)
	}
	return yamldoc.Decode([]byte(p.Patch))
}

// aimed are the patches of a folder, those that name an object with it as their target: a target may be missing, as one
// is that lies in a remote resource.
func (b *Build) aimed(f *Folder) (out []kustypes.Patch) {
	for _, p := range f.strategic() {
		docs, err := b.documents(f, p)
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
