package overlay

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// Spec is what a Flux Kustomization says of its build.
type Spec struct {
	Path   string // in the repository
	Ignore *worktree.Ignore
	kustomizev1.KustomizationSpec
	// JSON is the Kustomization as it is, for the patches that only its older versions know; nil for none.
	JSON []byte
}

// manifest is the kustomization.yaml that kustomize-controller would write. It does what the Generator of
// github.com/fluxcd/pkg/kustomize does, which reads from disk only and would see files that are not in the artifact
// of Flux; a test compares the two.
func (s *Spec) manifest(tree *worktree.Tree, f *Folder, leaveOut func(file string) bool) ([]byte, error) {
	ks := kustypes.Kustomization{TypeMeta: kustypes.TypeMeta{APIVersion: kustypes.KustomizationVersion, Kind: kustypes.KustomizationKind}}
	switch {
	case f.Node != nil:
		text, err := yaml.Marshal(f.Node)
		if err != nil {
			return nil, err
		}
		if err := sigsyaml.Unmarshal(text, &ks); err != nil {
			return nil, fmt.Errorf("%s: %w", f.File, err)
		}
	default:
		for _, p := range f.order {
			if !leaveOut(p) {
				ks.Resources = append(ks.Resources, "./"+strings.TrimPrefix(strings.TrimPrefix(p, f.Dir), "/"))
			}
		}
	}
	if (f.Node == nil || f.cut) && len(ks.Resources) == 0 && ks.Namespace == "" {
		ks.Namespace = "_placeholder" // or kustomize says that there is nothing to do
	}
	if err := s.apply(tree, &ks); err != nil {
		return nil, err
	}
	return sigsyaml.Marshal(ks)
}

func (f *Folder) manifestName() string {
	if f.File != "" {
		return path.Base(f.File)
	}
	return "kustomization.yaml"
}

// apply adds what the Kustomization says.
func (s *Spec) apply(tree *worktree.Tree, ks *kustypes.Kustomization) error {
	for from, to := range map[*string]*string{&s.TargetNamespace: &ks.Namespace, &s.NamePrefix: &ks.NamePrefix, &s.NameSuffix: &ks.NameSuffix} {
		if *from != "" {
			*to = *from
		}
	}
	for _, p := range s.Patches {
		patch := kustypes.Patch{Patch: p.Patch}
		if t := p.Target; t != nil {
			patch.Target = &kustypes.Selector{LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector}
			patch.Target.Group, patch.Target.Version, patch.Target.Kind = t.Group, t.Version, t.Kind
			patch.Target.Name, patch.Target.Namespace = t.Name, t.Namespace
		}
		ks.Patches = append(ks.Patches, patch)
	}
	for _, c := range s.Components {
		p, ok := worktree.Resolve(s.Path, c)
		switch {
		case !fluxkustomize.IsLocalRelativePath(c) || !ok:
			return fmt.Errorf("component %s is not in this repository", c)
		case tree.Dir(p) == nil && s.IgnoreMissingComponents:
			continue
		}
		ks.Components = append(ks.Components, c)
	}
	for _, image := range s.Images {
		i := slices.IndexFunc(ks.Images, func(have kustypes.Image) bool { return have.Name == image.Name })
		if i < 0 {
			ks.Images = append(ks.Images, kustypes.Image{Name: image.Name})
			i = len(ks.Images) - 1
		}
		if image.NewName != "" {
			ks.Images[i].NewName = image.NewName
		}
		if image.NewTag != "" || image.Digest != "" { // together they choose the version
			ks.Images[i].NewTag, ks.Images[i].Digest = image.NewTag, image.Digest
		}
	}
	return s.applyOld(ks)
}

// applyOld adds the patches that v1beta1 and v1beta2 knew.
func (s *Spec) applyOld(ks *kustypes.Kustomization) error {
	var old struct {
		Spec struct {
			PatchesStrategicMerge []json.RawMessage `json:"patchesStrategicMerge"`
			PatchesJSON6902       []struct {
				Patch  json.RawMessage   `json:"patch"`
				Target kustypes.Selector `json:"target"`
			} `json:"patchesJson6902"`
		} `json:"spec"`
	}
	if len(s.JSON) == 0 {
		return nil
	}
	if err := json.Unmarshal(s.JSON, &old); err != nil {
		return err
	}
	for _, p := range old.Spec.PatchesStrategicMerge {
		//nolint:staticcheck // as Flux does
		ks.PatchesStrategicMerge = append(ks.PatchesStrategicMerge, kustypes.PatchStrategicMerge(p))
	}
	for _, p := range old.Spec.PatchesJSON6902 {
		//nolint:staticcheck // as Flux does
		ks.PatchesJson6902 = append(ks.PatchesJson6902, kustypes.Patch{Patch: string(p.Patch), Target: &p.Target})
	}
	return nil
}
