package overlay

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// Spec is what a Flux Kustomization says of its build, as far as it is needed.
type Spec struct {
	Path   string           `json:"path"` // in the repository
	Ignore *worktree.Ignore `json:"-"`

	SourceRef               kustomizev1.CrossNamespaceSourceReference `json:"sourceRef"`
	PostBuild               *kustomizev1.PostBuild                    `json:"postBuild"`
	Suspend                 any                                       `json:"suspend"` // a variable may stand there
	TargetNamespace         string                                    `json:"targetNamespace"`
	NamePrefix              string                                    `json:"namePrefix"`
	NameSuffix              string                                    `json:"nameSuffix"`
	Components              []string                                  `json:"components"`
	IgnoreMissingComponents bool                                      `json:"ignoreMissingComponents"`

	Patches []kustypes.Patch `json:"patches"`
}

// apply is the folder of the path with the kustomization.yaml that kustomize-controller would write. It does what the
// Generator of github.com/fluxcd/pkg/kustomize does, which reads from disk only and would see files that are not in the
// artifact of Flux; a test compares the two. It leaves out spec.images, as no image is looked at.
func (s *Spec) apply(tree *worktree.Tree, f *Folder) (*Folder, error) {
	top := *f
	top.File, top.changed = cmp.Or(f.File, path.Join(f.Dir, "kustomization.yaml")), true
	ks := &top.ks
	ks.FixKustomization()
	switch { // or kustomize says that there is nothing to do
	case len(ks.Resources) > 0:
	case f.File == "":
		ks.Namespace = "_placeholder"
	default:
		ks.BuildMetadata = []string{kustypes.OriginAnnotations}
	}
	ks.Namespace, ks.NamePrefix, ks.NameSuffix = cmp.Or(s.TargetNamespace, ks.Namespace), cmp.Or(s.NamePrefix, ks.NamePrefix), cmp.Or(s.NameSuffix, ks.NameSuffix)
	ks.Components = slices.Clip(ks.Components)
	for _, c := range s.Components {
		p, ok := worktree.Resolve(s.Path, c)
		switch {
		case !fluxkustomize.IsLocalRelativePath(c) || !ok:
			return nil, fmt.Errorf("component %s is not in this repository", c)
		case !tree.IsDir(p) && s.IgnoreMissingComponents:
			continue
		}
		ks.Components = append(ks.Components, c)
	}
	ks.Patches = slices.Clip(ks.Patches)
	for _, p := range s.Patches { // the API has no path
		ks.Patches = append(ks.Patches, kustypes.Patch{Patch: p.Patch, Target: p.Target})
	}
	return &top, nil
}
