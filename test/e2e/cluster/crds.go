package cluster

import (
	"fmt"
	"path/filepath"
)

// CRDs returns the folders with the CustomResourceDefinitions that the tests need: HelmRelease, and those that
// "make assets-e2e" copies from the modules of source-controller, kustomize-controller, cert-manager and the Prometheus
// operator.
func CRDs() ([]string, error) {
	helm, err := HelmReleaseCRD()
	if err != nil {
		return nil, err
	}
	more := filepath.Join(helm, "more")
	if !exists(more) {
		return nil, fmt.Errorf("no folder %s: run \"make assets-e2e\"", more)
	}
	return []string{helm, more}, nil
}

// PolicyReportCRD returns the file with the definition of PolicyReport, which is in none of those folders: a cluster has it only
// where somebody installs it.
func PolicyReportCRD() (string, error) {
	helm, err := HelmReleaseCRD()
	if err != nil {
		return "", err
	}
	file := filepath.Join(helm, "policyreport", "wgpolicyk8s.io_policyreports.yaml")
	if !exists(file) {
		return "", fmt.Errorf("no file %s: run \"make assets-e2e\"", file)
	}
	return file, nil
}
