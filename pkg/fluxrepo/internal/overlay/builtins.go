package overlay

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// kept are the kinds that a check looks at; the rest of what is built is forgotten, except for DaemonSets where one may run Spegel.
func kept(kind string) bool {
	switch kind {
	case "HelmRelease", "Kustomization", "ConfigMap", "Secret", "OCIRepository", "HelmChart", "GitRepository", "ResourceSet", "ArtifactGenerator":
		return true
	}
	return strings.Contains(kind, "${")
}

// hasSchema reports whether the kustomization adds to the schema of kustomize.
func (f *Folder) hasSchema() bool { return f.ks.OpenAPI != nil || f.ks.Crds != nil }

// needsBuiltins reports whether the schema of Kubernetes' own kinds could change what is kept of a build. It says how
// lists merge when a patch meets such a kind, and nothing with such a list is kept: only what is copied out of one.
func (f *Folder) needsBuiltins() bool {
	//nolint:staticcheck // vars are still built
	return len(f.ks.Vars)+len(f.ks.Transformers)+len(f.ks.Validators)+len(f.ks.Generators) > 0 ||
		slices.ContainsFunc(f.copied, func(s *kustypes.SourceSelector) bool {
			return s.FieldPath != "" && !strings.HasPrefix(s.FieldPath, "metadata.") && !kept(s.Kind)
		})
}

// copiesKustomizations reports whether a replacement could copy out of a Kustomization of Flux.
func (f *Folder) copiesKustomizations() bool {
	return slices.ContainsFunc(f.copied, func(s *kustypes.SourceSelector) bool { return s.Kind == "" || s.Kind == "Kustomization" })
}

// runsSpegel reports whether a DaemonSet of a folder may run Spegel. A patch of it merges its containers by their names,
// as the schema says.
func (b *Build) runsSpegel(f *Folder) bool {
	return slices.ContainsFunc(f.Resources, func(p string) bool {
		const want = worktree.DaemonSet | worktree.Word
		file := b.Tree.File(p)
		return file != nil && file.Marks&want == want
	})
}

// sources are what the replacements of a kustomization copy from.
func (r *Reader) sources(f *Folder) (out []*kustypes.SourceSelector) {
	for _, field := range f.ks.Replacements {
		list := []kustypes.Replacement{field.Replacement}
		if p, ok := worktree.Resolve(f.Dir, field.Path); field.Path != "" && ok && r.tree.File(p) != nil {
			docs, _ := r.tree.Documents(p) // kustomize says what it can't read
			switch {                       // an error is kustomize's to say
			case len(docs) == 0:
			case docs[0].Kind == yaml.SequenceNode:
				_ = docs[0].Decode(&list)
			default:
				_ = docs[0].Decode(&list[0])
			}
		}
		for _, one := range list {
			if one.Source != nil {
				out = append(out, one.Source)
			}
		}
	}
	return out
}
