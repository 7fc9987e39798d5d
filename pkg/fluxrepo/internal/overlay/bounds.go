package overlay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// maxCopied bounds what JSON patches may make of the objects of a build, in bytes: each copy may double one of them.
const maxCopied = 1 << 28

// bounded refuses patches that would fill the memory: kustomize v0.21 expands the aliases of a patch without a
// bound, and each operation that copies may double an object. Other files are looked at when kustomize reads them.
func (b *Build) bounded() (err error) {
	copied, size := 0, 1
	look := func(docs []*yaml.Node, bad error) {
		if yamldoc.IsBomb(bad) {
			err = fmt.Errorf("a patch, or the like, %w", bad)
		}
		for _, d := range docs {
			for _, op := range yamldoc.Items(d) {
				if yamldoc.Text(op, "op") == "copy" {
					copied++
				}
			}
		}
	}
	for _, p := range b.Spec.Patches {
		look(yamldoc.Decode([]byte(p.Patch)))
	}
	b.any(func(f *Folder) bool {
		if f.Node != nil {
			yamldoc.EachScalar(f.Node, func(n *yaml.Node) {
				if isInline(n.Value) {
					look(yamldoc.Decode([]byte(n.Value)))
				}
			})
		}
		for _, ref := range references(f.Node) {
			if p, ok := worktree.Resolve(f.Dir, ref.path); ok && strings.HasPrefix(ref.field, "patches") && b.Tree.File(p) != nil {
				look(b.Tree.Documents(p))
			}
		}
		for _, p := range f.Resources {
			size += b.Tree.Size(p)
		}
		return false
	})
	if err == nil && copied > 1 && (copied > 27 || size<<copied > maxCopied) {
		err = fmt.Errorf("its patches copy too much (%d times)", copied)
	}
	return err
}

// dropRemotePatches takes out the patches that name an object which no file of the build holds, if that object may
// lie in a remote resource. It reports whether there were any.
func (b *Build) dropRemotePatches() bool {
	remote, here := false, map[[2]string]bool{}
	for _, f := range b.Folders {
		f.Walk(func(f *Folder) bool {
			for _, h := range f.Holes {
				remote = remote || h.Remote
			}
			for _, p := range f.Resources {
				docs, _ := b.Tree.Documents(p) // kustomize says what it can't read
				for _, d := range yamldoc.Objects(docs) {
					here[[2]string{yamldoc.Text(d, "kind"), yamldoc.Text(d, "metadata", "name")}] = true
				}
			}
			for kind, field := range map[string]string{"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"} {
				for _, gen := range yamldoc.Items(yamldoc.Child(f.Node, field)) {
					here[[2]string{kind, yamldoc.Text(gen, "name")}] = true
				}
			}
			return true
		})
	}
	if !remote {
		return false
	}
	dropped := false
	for i, f := range b.Folders {
		b.Folders[i] = f.dropPatches(func(f *Folder, item *yaml.Node) bool {
			docs := b.patchOf(f, item)
			away := yamldoc.Child(item, "target") == nil && len(docs) > 0
			for _, d := range docs {
				away = away && d.Kind == yaml.MappingNode && !here[[2]string{yamldoc.Text(d, "kind"), yamldoc.Text(d, "metadata", "name")}]
			}
			dropped = dropped || away
			return away
		}, map[*Folder]*Folder{})
	}
	return dropped
}

// patchOf are the documents of a patch, which stands in the kustomization itself or in a file.
func (b *Build) patchOf(f *Folder, item *yaml.Node) []*yaml.Node {
	text := cmp.Or(yamldoc.Text(item, "patch"), yamldoc.Text(item, "path"), item.Value)
	if p, ok := worktree.Resolve(f.Dir, text); !isInline(text) && ok && b.Tree.File(p) != nil {
		docs, _ := b.Tree.Documents(p) // kustomize says what it can't read
		return docs
	}
	docs, _ := yamldoc.Decode([]byte(text)) // as above
	return docs
}

// dropPatches is a folder, and all below it, without some patches.
func (f *Folder) dropPatches(away func(f *Folder, item *yaml.Node) bool, done map[*Folder]*Folder) *Folder {
	if out := done[f]; out != nil {
		return out
	}
	out := *f
	done[f] = &out
	out.Node = clone(f.Node, map[*yaml.Node]*yaml.Node{})
	for _, field := range []string{"patches", "patchesStrategicMerge"} {
		if list := yamldoc.Child(out.Node, field); list != nil {
			before := len(list.Content)
			list.Content = slices.DeleteFunc(list.Content, func(item *yaml.Node) bool { return away(f, yamldoc.Deref(item)) })
			out.cut = out.cut || len(list.Content) < before
		}
	}
	out.Subs = nil
	for _, s := range f.Subs {
		out.Subs = append(out.Subs, s.dropPatches(away, done))
	}
	return &out
}
