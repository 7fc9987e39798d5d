package overlay

import (
	"slices"
	"strings"

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

// needs notes what the folder needs of a build: its own schema, that of Kubernetes' own kinds, every Kustomization of
// Flux. The schema says how lists merge when a patch meets such a kind, and nothing with such a list is kept: only what is
// copied out of one, and a DaemonSet that may run Spegel.
func (r *Reader) needs(f *Folder) {
	const spegel = worktree.DaemonSet | worktree.Word
	f.schema = f.ks.OpenAPI != nil || f.ks.Crds != nil
	f.builtins = len(f.ks.Vars)+len(f.ks.Transformers)+len(f.ks.Validators)+len(f.ks.Generators) > 0 || //nolint:staticcheck // vars are still built
		slices.ContainsFunc(f.Resources, func(p string) bool { return r.tree.File(p).Marks&spegel == spegel })
	for _, replacement := range f.ks.Replacements {
		kind := "" // any, and so of one that stands in a file
		if replacement.Source != nil {
			kind = replacement.Source.Kind
		}
		f.whole, f.builtins = f.whole || kind == "" || kind == "Kustomization", f.builtins || !kept(kind)
	}
}
