package celpolicy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// Corpus lists the releases that every door judges alike, and one for each fixture of the rules, which lie in a folder
// validate/testdata below packages. Those that set severities are left out: the CEL policies have none.
func Corpus(packages string) ([]Case, error) {
	parityCases, err := parity.Cases()
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, p := range parityCases {
		c := Case{Name: "parity/" + p.Name, Release: p.Release.Object, PrivateRegistries: p.PrivateRegistries}
		if err := c.judge(p.Reader()); err != nil {
			return nil, err
		}
		if p.UnresolvedPolicy != "" {
			c.Denied = p.Verdict == "deny"
		}
		if c.Denied != (p.Verdict == "deny") {
			return nil, fmt.Errorf("%s: judged as %t, while want.yaml says %s", c.Name, c.Denied, p.Verdict)
		}
		cases = append(cases, c)
	}
	files, err := filepath.Glob(filepath.Join(packages, "validate", "testdata", "*", "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		c, err := fixture(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if c != nil {
			cases = append(cases, *c)
		}
	}
	return cases, nil
}

// fixture makes a release out of a fixture of the rules; nil if it sets severities.
func fixture(file string) (*Case, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var f struct {
		ChartVersion      string            `yaml:"chartVersion"`
		PrivateRegistries []string          `yaml:"privateRegistries"`
		Severities        map[string]string `yaml:"severities"`
		Values            any               `yaml:"values"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&f); err != nil {
		return nil, err
	}
	if f.Severities != nil {
		return nil, nil
	}
	chart := map[string]any{"chart": "spegel", "sourceRef": map[string]any{"kind": "HelmRepository", "name": "spegel"}}
	if f.ChartVersion != "" {
		chart["version"] = f.ChartVersion
	}
	spec := map[string]any{"chart": map[string]any{"spec": chart}}
	if f.Values != nil {
		spec["values"] = f.Values
	}
	c := &Case{
		Name:    strings.TrimSuffix(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), ".yaml"),
		Release: helmRelease("spegel", spec), PrivateRegistries: f.PrivateRegistries,
	}
	// as an API client sends it: numbers are those of JSON
	if text, err = json.Marshal(c.Release); err != nil {
		return nil, err
	}
	c.Release = map[string]any{}
	if err := json.Unmarshal(text, &c.Release); err != nil {
		return nil, err
	}
	err = c.judge(nil)
	return c, err
}

// helmRelease is a HelmRelease with this spec and what its CRD asks for.
func helmRelease(name string, spec map[string]any) map[string]any {
	spec["interval"] = "1h"
	return map[string]any{
		"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
		"metadata": map[string]any{"name": name, "namespace": "default"}, "spec": spec,
	}
}
