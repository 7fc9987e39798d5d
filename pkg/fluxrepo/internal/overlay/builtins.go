package overlay

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// needsBuiltins reports whether the schema of Kubernetes' own kinds could change what is kept of a build. It says how
// lists merge when a patch meets such a kind, and nothing with such a list is kept: only what is copied out of one.
func (b *Build) needsBuiltins() bool {
	return b.any(func(f *Folder) bool {
		return slices.ContainsFunc([]string{"vars", "transformers", "validators", "generators", "crds", "openapi"}, func(key string) bool {
			return yamldoc.Child(f.Node, key) != nil
		}) || slices.ContainsFunc(f.copied, func(source *yaml.Node) bool {
			field := yamldoc.Text(source, "fieldPath")
			return field != "" && !strings.HasPrefix(field, "metadata.") && !kept(yamldoc.Text(source, "kind"))
		})
	})
}

// runsSpegel reports whether a DaemonSet that may run Spegel is built. A patch of it merges its containers by their names, as the schema
// says.
func (b *Build) runsSpegel() bool {
	return b.any(func(f *Folder) bool {
		return slices.ContainsFunc(f.Resources, func(p string) bool {
			file := b.Tree.File(p)
			return file != nil && file.Marks&worktree.DaemonSet != 0 && file.Marks&worktree.Word != 0
		})
	})
}

// copiesKustomizations reports whether a replacement could copy out of a Kustomization of Flux.
func (b *Build) copiesKustomizations() bool {
	return b.any(func(f *Folder) bool {
		return slices.ContainsFunc(f.copied, func(source *yaml.Node) bool {
			kind := yamldoc.Text(source, "kind")
			return kind == "" || kind == "Kustomization"
		})
	})
}

// any reports whether something is true of a folder, and looks no further then.
func (b *Build) any(is func(*Folder) bool) (found bool) {
	for _, f := range b.Folders {
		f.Walk(func(f *Folder) bool { found = found || is(f); return !found })
	}
	return found
}

// sources are what the replacements of a kustomization copy from.
func sources(tree *worktree.Tree, dir string, ks *yaml.Node) (out []*yaml.Node) {
	list := yamldoc.Items(yamldoc.Child(ks, "replacements"))
	for _, r := range slices.Clip(list) {
		if p, ok := worktree.Resolve(dir, yamldoc.Text(r, "path")); ok && tree.File(p) != nil {
			docs, _ := tree.Documents(p) // kustomize says what it can't read
			for _, d := range docs {
				list = append(list, append(yamldoc.Items(d), d)...)
			}
		}
	}
	for _, r := range list {
		if source := yamldoc.Child(r, "source"); source != nil {
			out = append(out, source)
		}
	}
	return out
}
