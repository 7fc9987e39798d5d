package fluxrepo

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
)

// decoded is a HelmRelease with the variables without a value that decide more than a value.
type decoded struct {
	*helmv2.HelmRelease
	shaky []string // all that say which chart it is, what its values are made of, or whether it is suspended
	chart []string // those that keep the chart from being known
}

// decodeRelease reads the fields that a check looks at, of any version. A variable in another field, a
// duration for one, does no harm.
func (c *check) decodeRelease(text []byte) (*decoded, error) {
	doc, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("is not YAML: %w", err)
	}
	var raw struct {
		Spec struct {
			Chart      json.RawMessage `json:"chart"`
			ChartRef   json.RawMessage `json:"chartRef"`
			ValuesFrom json.RawMessage `json:"valuesFrom"`
			Suspend    json.RawMessage `json:"suspend"`
		} `json:"spec"`
	}
	var in struct {
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
		Spec struct {
			ChartRef        *helmv2.CrossNamespaceSourceReference `json:"chartRef"`
			ReleaseName     string                                `json:"releaseName"`
			TargetNamespace string                                `json:"targetNamespace"`
			ValuesFrom      []helmv2.ValuesReference              `json:"valuesFrom"`
			Values          *apiextensionsv1.JSON                 `json:"values"`
			Suspend         bool                                  `json:"suspend"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(doc, &raw); err != nil {
		return nil, wrongType("", err)
	}
	hr := &decoded{HelmRelease: &helmv2.HelmRelease{}, chart: substitute.Unknown(string(raw.Spec.ChartRef))}
	for _, field := range []json.RawMessage{raw.Spec.Suspend, raw.Spec.ChartRef, raw.Spec.ValuesFrom} {
		hr.shaky = append(hr.shaky, unknownText(field)...)
	}
	chart, names, err := c.shortChart(raw.Spec.Chart)
	if err != nil {
		return nil, wrongType("spec.chart.", err)
	}
	hr.chart, hr.shaky = append(hr.chart, names...), append(hr.shaky, names...)
	err = json.Unmarshal(doc, &in) // reads the rest of the fields where one has another type
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); err != nil && (!ok || bad.Value != "string" || len(hr.shaky)+len(substitute.Unknown(string(raw.Spec.ValuesFrom))) == 0) {
		return nil, wrongType("", err)
	}
	hr.Name, hr.Namespace = in.Metadata.Name, in.Metadata.Namespace
	hr.Spec.ChartRef, hr.Spec.Values, hr.Spec.Suspend = in.Spec.ChartRef, in.Spec.Values, in.Spec.Suspend
	hr.Spec.ReleaseName, hr.Spec.TargetNamespace = in.Spec.ReleaseName, in.Spec.TargetNamespace
	hr.takeReferences(raw.Spec.ValuesFrom, in.Spec.ValuesFrom)
	if len(unknownText(raw.Spec.ChartRef)) > 0 {
		hr.Spec.ChartRef = nil
	}
	if chart == nil && len(hr.shaky) > 0 && hr.Spec.ChartRef == nil {
		chart = &helmv2.HelmChartTemplate{} // a chart that is not known
	}
	hr.Spec.Chart = chart
	return hr, nil
}

// fieldError is a field of a HelmRelease that holds what it can't.
type fieldError struct{ field, value string }

func (e *fieldError) Error() string { return e.field + " can't be " + e.value }

// wrongType says which field of a HelmRelease has another type, in the words of YAML. above is where what was decoded
// stands.
func wrongType(above string, err error) error {
	bad, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return fmt.Errorf("is not a HelmRelease: %w", err)
	}
	what := map[string]string{"object": "a map", "array": "a list", "bool": "true or false"}[bad.Value]
	return &fieldError{strings.TrimSuffix(above+strings.TrimPrefix(bad.Field, "."), "."), cmp.Or(what, "a "+bad.Value)}
}

// takeReferences leaves out the entries of valuesFrom that are variables as a whole.
func (hr *decoded) takeReferences(raw json.RawMessage, refs []helmv2.ValuesReference) {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || len(items) != len(refs) {
		return // none, or a variable in place of all
	}
	for i, ref := range refs {
		names := unknownText(items[i])
		if len(names) == 0 {
			hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, ref)
		}
		hr.shaky = slices.Concat(hr.shaky, names, substitute.Unknown(ref.Kind), substitute.Unknown(ref.TargetPath))
	}
}

// unknownText lists the unknown variables of a field if it is a text.
func unknownText(raw json.RawMessage) []string {
	if !bytes.HasPrefix(raw, []byte(`"`)) {
		return nil
	}
	return substitute.Unknown(string(raw))
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
			Optional  json.RawMessage `json:"ignoreMissingValuesFiles"`
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
	_ = json.Unmarshal(in.Spec.Optional, &chart.Spec.IgnoreMissingValuesFiles)
	if in.Spec.SourceRef != nil {
		chart.Spec.SourceRef = &helmv2.CrossNamespaceObjectReference{}
		_ = json.Unmarshal(in.Spec.SourceRef, chart.Spec.SourceRef) // of what is no such thing, the kind is not known
	}
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
