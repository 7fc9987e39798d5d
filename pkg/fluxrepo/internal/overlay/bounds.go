package overlay

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// maxCopied bounds what JSON patches may make of the objects of a build, in bytes: each copy may double one of them.
const maxCopied = 1 << 28

// patch is a patch with what it is for.
type patch struct {
	target *yaml.Node // nil where it stands for itself
	docs   []*yaml.Node
	err    error
}

// patches are those of the Kustomization and of its folders. An error is one of decoding.
func (b *Build) patches() (out []patch) {
	for _, p := range b.Spec.Patches {
		docs, err := yamldoc.Decode([]byte(p.Patch))
		var target *yaml.Node
		if p.Target != nil {
			target = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "kind"}, {Kind: yaml.ScalarNode, Value: p.Target.Kind}}}
		}
		out = append(out, patch{target, docs, err})
	}
	for _, f := range b.Folders {
		f.Walk(func(f *Folder) bool {
			for _, field := range []string{"patches", "patchesJson6902", "patchesStrategicMerge"} {
				for _, item := range yamldoc.Items(yamldoc.Child(f.Node, field)) {
					out = append(out, b.patchOf(f, yamldoc.Deref(item)))
				}
			}
			return true
		})
	}
	return out
}

func (b *Build) patchOf(f *Folder, item *yaml.Node) patch {
	out := patch{target: yamldoc.Child(item, "target")}
	inline, file := yamldoc.Text(item, "patch"), yamldoc.Text(item, "path")
	if item.Kind == yaml.ScalarNode {
		if file = item.Value; isInline(file) {
			inline, file = file, ""
		}
	}
	if p, ok := worktree.Resolve(f.Dir, file); inline == "" && ok && b.Tree.File(p) != nil {
		out.docs, out.err = b.Tree.Documents(p)
	} else {
		out.docs, out.err = yamldoc.Decode([]byte(inline))
	}
	return out
}

// bounded refuses patches that would fill the memory: kustomize v0.21 expands the aliases of a patch without a
// bound. The files that it reads are looked at when it reads them.
func (b *Build) bounded() error {
	copied, size := 0, 1
	for _, p := range b.patches() {
		if yamldoc.IsBomb(p.err) {
			return fmt.Errorf("a patch, or the like, %w", p.err)
		}
		for _, d := range p.docs {
			for _, op := range yamldoc.Items(d) {
				if yamldoc.Text(op, "op") == "copy" {
					copied++
				}
			}
		}
	}
	var err error
	for _, f := range b.Folders {
		f.Walk(func(f *Folder) bool {
			for _, field := range []string{"generators", "transformers", "validators"} {
				for _, item := range yamldoc.Items(yamldoc.Child(f.Node, field)) {
					if _, e := yamldoc.Decode([]byte(yamldoc.Deref(item).Value)); yamldoc.IsBomb(e) {
						err = fmt.Errorf("a patch, or the like, %w", e)
					}
				}
			}
			for _, p := range f.Resources {
				size += b.Tree.Size(p)
			}
			return true
		})
	}
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
		b.Folders[i] = f.dropPatches(func(item *yaml.Node) bool {
			p := b.patchOf(f, item)
			away := p.target == nil && len(p.docs) > 0
			for _, d := range p.docs {
				away = away && d.Kind == yaml.MappingNode && !here[[2]string{yamldoc.Text(d, "kind"), yamldoc.Text(d, "metadata", "name")}]
			}
			dropped = dropped || away
			return away
		}, map[*Folder]*Folder{})
	}
	return dropped
}

// dropPatches is a folder, and all below it, without some patches.
func (f *Folder) dropPatches(away func(item *yaml.Node) bool, done map[*Folder]*Folder) *Folder {
	if out := done[f]; out != nil {
		return out
	}
	out := *f
	done[f] = &out
	out.Node = clone(f.Node, map[*yaml.Node]*yaml.Node{})
	for _, field := range []string{"patches", "patchesStrategicMerge"} {
		list := yamldoc.Child(out.Node, field)
		for i := range slices.Backward(yamldoc.Items(list)) {
			if away(yamldoc.Deref(list.Content[i])) {
				list.Content = append(list.Content[:i:i], list.Content[i+1:]...)
				out.cut = true
			}
		}
	}
	out.Subs = nil
	for _, s := range f.Subs {
		out.Subs = append(out.Subs, s.dropPatches(away, done))
	}
	return &out
}
