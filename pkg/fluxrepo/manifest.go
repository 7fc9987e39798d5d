package fluxrepo

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"
)

// manifest is the kustomization.yaml that kustomize-controller would write for a Kustomization. It does
// what the Generator of github.com/fluxcd/pkg/kustomize does, which reads from disk only and would see
// files that are not in Flux's artifact; a test compares the two.
func (n *node) manifest() ([]byte, error) {
	t := n.trees[0]
	ks := kustypes.Kustomization{TypeMeta: kustypes.TypeMeta{
		APIVersion: kustypes.KustomizationVersion,
		Kind:       kustypes.KustomizationKind,
	}}
	switch {
	case t.node != nil:
		text, err := yaml.Marshal(t.node)
		if err != nil {
			return nil, err
		}
		if err := sigsyaml.Unmarshal(text, &ks); err != nil {
			return nil, fmt.Errorf("%s: %w", t.file.path, err)
		}
	case len(t.order) == 0:
		ks.Namespace = "_placeholder" // or kustomize says that there is nothing to do
	default:
		for _, p := range t.order {
			ks.Resources = append(ks.Resources, "./"+strings.TrimPrefix(strings.TrimPrefix(p, t.dir), "/"))
		}
	}
	if err := n.apply(&ks); err != nil {
		return nil, err
	}
	ks.BuildMetadata = []string{kustypes.OriginAnnotations}
	return sigsyaml.Marshal(ks)
}

func (n *node) manifestName() string {
	if t := n.trees[0]; t.file != nil {
		return path.Base(t.file.path)
	}
	return kustomizationNames[0]
}

// apply adds what the Kustomization says.
func (n *node) apply(ks *kustypes.Kustomization) error {
	spec := &n.object.Spec
	if spec.TargetNamespace != "" {
		ks.Namespace = spec.TargetNamespace
	}
	if spec.NamePrefix != "" {
		ks.NamePrefix = spec.NamePrefix
	}
	if spec.NameSuffix != "" {
		ks.NameSuffix = spec.NameSuffix
	}
	for _, p := range spec.Patches {
		patch := kustypes.Patch{Patch: p.Patch}
		if s := p.Target; s != nil {
			patch.Target = &kustypes.Selector{LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector}
			patch.Target.Group, patch.Target.Version, patch.Target.Kind = s.Group, s.Version, s.Kind
			patch.Target.Name, patch.Target.Namespace = s.Name, s.Namespace
		}
		ks.Patches = append(ks.Patches, patch)
	}
	for _, c := range spec.Components {
		p, ok := resolve(n.path, c)
		switch {
		case !fluxkustomize.IsLocalRelativePath(c) || !ok:
			return fmt.Errorf("component %s is not in this repository", n.written(c))
		case n.graph.dirs[p] == nil && spec.IgnoreMissingComponents:
			continue
		}
		ks.Components = append(ks.Components, c)
	}
	for _, image := range spec.Images {
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
	return n.applyLegacy(ks)
}

// applyLegacy adds the patches that v1beta1 and v1beta2 knew.
func (n *node) applyLegacy(ks *kustypes.Kustomization) error {
	var old struct {
		Spec struct {
			PatchesStrategicMerge []json.RawMessage `json:"patchesStrategicMerge"`
			PatchesJSON6902       []struct {
				Patch  json.RawMessage   `json:"patch"`
				Target kustypes.Selector `json:"target"`
			} `json:"patchesJson6902"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(n.json, &old); err != nil {
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
