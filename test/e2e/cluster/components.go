package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// RenderComponents builds the base of the manifests folder together with some of its components.
func RenderComponents(manifests string, components ...string) (Manifests, error) {
	dir, err := os.MkdirTemp("", "spegel-guard-")
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", manifests, err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a kustomization, and nothing else
	if dir, err = Overlay(dir, manifests, components...); err != nil {
		return nil, err
	}
	return Render(dir)
}

// Overlay writes a kustomization of the base of the manifests folder and some of its components into a folder, and returns
// the folder without symbolic links.
func Overlay(dir, manifests string, components ...string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("write an overlay of %s: %w", manifests, err)
	}
	rel, err := filepath.Rel(dir, manifests)
	if err != nil {
		return "", fmt.Errorf("write an overlay of %s: %w", manifests, err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "resources: [%s/base]\ncomponents:\n", rel)
	for _, c := range components {
		fmt.Fprintf(&text, "  - %s/components/%s\n", rel, c)
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text.String()), 0o600); err != nil {
		return "", fmt.Errorf("write an overlay of %s: %w", manifests, err)
	}
	return dir, nil
}

// CELPolicies renders the components that judge in the API server itself.
func CELPolicies() (Manifests, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	var objects Manifests
	for _, component := range []string{"validating-admission-policy", "daemonset-policy"} {
		some, err := Render(filepath.Join(root, "manifests/components", component))
		if err != nil {
			return nil, err
		}
		objects = append(objects, some...)
	}
	return objects, nil
}
