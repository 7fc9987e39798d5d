package fluxrepo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
)

func releaseFields() []string {
	return []string{"chart", "chartRef", "releaseName", "valuesFrom", "values", "suspend", "targetNamespace"}
}

// decoded is a HelmRelease with the variables without a value that decide more than a value.
type decoded struct {
	*helmv2.HelmRelease
	shaky []string // all that say which chart it is, what its values are made of, or whether it is suspended
	chart []string // those that keep the chart from being known
}

// decodeRelease reads the fields that a check looks at, of any version. A variable in another field, a
// duration for one, does no harm.
func (c *check) decodeRelease(text []byte) (*decoded, error) {
	var all struct {
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace,omitempty"`
		} `json:"metadata"`
		Spec map[string]json.RawMessage `json:"spec"`
	}
	doc, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("is not YAML: %w", err)
	}
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, fmt.Errorf("is not a HelmRelease: %w", err)
	}
	for key := range all.Spec {
		if !slices.Contains(releaseFields(), key) {
			delete(all.Spec, key)
		}
	}
	hr := &decoded{HelmRelease: &helmv2.HelmRelease{}}
	hr.Name, hr.Namespace = all.Metadata.Name, all.Metadata.Namespace
	hr.chart = substitute.Unknown(string(all.Spec["chartRef"]))
	hr.shaky = dropUnknown(all.Spec)
	chart, names, err := c.shortChart(all.Spec["chart"])
	if err != nil {
		return nil, fmt.Errorf("is not a HelmRelease: spec.chart: %w", err)
	}
	hr.chart = append(hr.chart, names...)
	if hr.shaky = append(hr.shaky, names...); chart == nil && len(hr.shaky) > 0 && all.Spec["chartRef"] == nil {
		chart = &helmv2.HelmChartTemplate{} // a chart that is not known
	}
	delete(all.Spec, "chart")
	spec, err := json.Marshal(all.Spec)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(spec, &hr.Spec); err != nil {
		return nil, fmt.Errorf("is not a HelmRelease: spec: %w", err)
	}
	hr.Spec.Chart = chart
	return hr, nil
}

// dropUnknown takes out what would have to be something else than text and is a variable without a value.
// It lists the variables that decide what the values are made of, or whether they count.
func dropUnknown(spec map[string]json.RawMessage) (shaky []string) {
	for _, key := range []string{"suspend", "chartRef", "valuesFrom"} {
		if raw := spec[key]; bytes.HasPrefix(raw, []byte(`"`)) {
			if names := substitute.Unknown(string(raw)); len(names) > 0 {
				shaky = append(shaky, names...)
				delete(spec, key)
			}
		}
	}
	if len(substitute.Unknown(string(spec["valuesFrom"]))) == 0 {
		return shaky
	}
	var refs []any
	if json.Unmarshal(spec["valuesFrom"], &refs) != nil {
		return shaky // said where the rest is read
	}
	refs = slices.DeleteFunc(refs, func(item any) bool {
		s, ok := item.(string)
		shaky = append(shaky, substitute.Unknown(s)...)
		return ok && len(substitute.Unknown(s)) > 0
	})
	for _, item := range refs {
		ref, _ := item.(map[string]any)
		for _, key := range []string{"kind", "targetPath"} {
			s, _ := ref[key].(string)
			shaky = append(shaky, substitute.Unknown(s)...)
		}
		for _, key := range []string{"optional", "literal"} {
			if s, ok := ref[key].(string); ok && len(substitute.Unknown(s)) > 0 {
				delete(ref, key)
			}
		}
	}
	if out, err := json.Marshal(refs); err == nil {
		spec["valuesFrom"] = out
	}
	return shaky
}

// shortChart reads what reports the chart, and lists the variables in a name or URL that is not known.
func (c *check) shortChart(raw json.RawMessage) (chart *helmv2.HelmChartTemplate, shaky []string, err error) {
	if raw == nil {
		return nil, nil, nil
	}
	var in struct {
		Kind string `json:"kind"`
		Spec struct {
			Chart     string          `json:"chart"`
			Version   string          `json:"version"`
			SourceRef json.RawMessage `json:"sourceRef"`
			URL       string          `json:"url"`
			Ref       json.RawMessage `json:"ref"`
			Files     json.RawMessage `json:"valuesFiles"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		if names := substitute.Unknown(string(raw)); len(names) > 0 {
			return &helmv2.HelmChartTemplate{}, names, nil
		}
		return nil, nil, err
	}
	chart = &helmv2.HelmChartTemplate{Kind: in.Kind}
	if names := substitute.Unknown(in.Kind); len(names) > 0 {
		return &helmv2.HelmChartTemplate{}, names, nil
	}
	if shaky = append(c.unknownIn(in.Spec.Chart), c.unknownIn(in.Spec.URL)...); len(shaky) == 0 {
		chart.Spec.Chart, chart.Spec.URL = in.Spec.Chart, in.Spec.URL
	}
	if len(substitute.Unknown(in.Spec.Version)) == 0 {
		chart.Spec.Version = in.Spec.Version
	}
	if len(substitute.Unknown(string(in.Spec.Ref))) == 0 {
		_ = json.Unmarshal(in.Spec.Ref, &chart.Spec.Reference) // what is no such thing names no version
	}
	_ = json.Unmarshal(in.Spec.Files, &chart.Spec.ValuesFiles)
	chart.Spec.SourceRef = &helmv2.CrossNamespaceObjectReference{}
	_ = json.Unmarshal(in.Spec.SourceRef, chart.Spec.SourceRef) // of what is no such thing, the kind is not known
	if len(substitute.Unknown(string(in.Spec.SourceRef))) > 0 {
		chart.Spec.SourceRef.Kind = sourcev1.GitRepositoryKind // one that says the least about the chart's name
	}
	return chart, shaky, nil
}

// unknownIn lists the variables without a value that keep a chart's name, path or URL from telling whether it is
// Spegel's. A value may hold slashes, so what stands before the last of them says nothing.
func (c *check) unknownIn(chart string) []string {
	names := substitute.Unknown(chart)
	if len(names) == 0 {
		return nil
	}
	base := path.Base(chart)
	end := substitute.AfterUnknown(base)
	isPackage := strings.HasSuffix(end, ".tgz")
	if slices.ContainsFunc(c.Charts, func(chartOf string) bool {
		name := path.Base(strings.TrimRight(chartOf, "/"))
		if end == base { // the name is known, and a chart of the policy may be one of that name at one place
			return name == base && strings.Contains(chartOf, "://")
		}
		return isPackage || strings.HasSuffix(name, end)
	}) {
		return names
	}
	return nil
}
