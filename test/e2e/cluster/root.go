package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Root returns the directory of the repository, found from the working directory upwards: the first
// that holds both go.mod and manifests. Go runs tests in the folder of their package, the demo runs at the
// top; both find the same files this way.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, "go.mod")) && exists(filepath.Join(at, "manifests")) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the repository: no go.mod beside a manifests folder in %s or above", dir)
		}
	}
}

// Assets returns the directory that holds etcd, kube-apiserver and kubectl: $KUBEBUILDER_ASSETS if it is
// set, else the cache that "make assets" fills. It is an error if one of them is missing there.
func Assets() (string, error) {
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	if dir == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, ".cache", "bin")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the control plane's programs: %w", err)
	}
	var missing []error
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if !exists(filepath.Join(dir, name)) {
			missing = append(missing, fmt.Errorf("no %s in %s: run \"make assets\", or set KUBEBUILDER_ASSETS", name, dir))
		}
	}
	return dir, errors.Join(missing...)
}

// HelmReleaseCRD returns the folder that "make assets" fills with the CustomResourceDefinition of
// HelmRelease, generated from the helm-controller API of go.mod.
func HelmReleaseCRD() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "crds")
	if !exists(dir) {
		return "", fmt.Errorf("no CustomResourceDefinitions in %s: run \"make assets\"", dir)
	}
	return dir, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
