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
	case "HelmRelease", "Kustomization", "ConfigMap", "Secret", "OCIRepository", "HelmChart", "GitRepository", "ResourceSet", "FluxInstance", "ArtifactGenerator":
		return true
	}
	return strings.Contains(kind, "${")
}

// needs notes what the folder needs of a build: its own schema, that of Kubernetes' own kinds, every Kustomization of
// Flux. The schema says how lists merge when a patch meets such a kind, and nothing with such a list is kept: only what is
// copied out of one, and a DaemonSet that may run Spegel.
func (r *Reader) needs(f *Folder) {
	const spegel = worktree.DaemonSet | worktree.Word
	f.schema = f.ks.OpenAPI != nil || f.ks.Crds != nil
	f.builtins = len(f.ks.Vars)+len(f.ks.Transformers)+len(f.ks.Validators)+len(f.ks.Generators) > 0 || //nolint:staticcheck // vars are still built
		slices.ContainsFunc(f.Resources, func(p string) bool { return r.tree.File(p).Marks&spegel == spegel })
	for _, field := range f.ks.Replacements {
		list := []kustypes.Replacement{field.Replacement}
		if p, ok := worktree.Resolve(f.Dir, field.Path); field.Path != "" && ok {
			docs, _ := r.tree.Documents(p) // an error is kustomize's to say
			switch {
			case len(docs) == 0:
			case docs[0].Kind == yaml.SequenceNode:
				_ = docs[0].Decode(&list)
			default:
				_ = docs[0].Decode(&list[0])
			}
		}
		for _, one := range list {
			if s := one.Source; s != nil {
				f.whole = f.whole || s.Kind == "" || s.Kind == "Kustomization"
				f.builtins = f.builtins || !kept(s.Kind) && s.FieldPath != "" && !strings.HasPrefix(s.FieldPath, "metadata.")
			}
		}
	}
}
