package judge

import (
	"maps"
	"path"
	"slices"
	"strings"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// fields reads some fields of an object, of any version. The valuesFile of a chart, which older ones know, comes before its
// valuesFiles, as Flux has it.
func fields(o *fluxgraph.Object, names ...string) (doc, spec map[string]any, err error) {
	doc, err = yamldoc.Fields(substitute.Seal(o.Text), names...)
	spec, _ = doc["spec"].(map[string]any)
	chart, _ := spec["chart"].(map[string]any)
	template, _ := chart["spec"].(map[string]any)
	for _, of := range []map[string]any{spec, template} {
		file, _ := of["valuesFile"].(string)
		if files, isList := of["valuesFiles"].([]any); file != "" && (isList || of["valuesFiles"] == nil) {
			of["valuesFiles"] = append([]any{file}, files...)
		}
	}
	return doc, spec, err
}

// decode reads some fields of an object into a Go value.
func decode(o *fluxgraph.Object, into any, names ...string) error {
	doc, _, err := fields(o, names...)
	if err != nil {
		return err
	}
	return yamldoc.Into(doc, into)
}

// decode reads a HelmRelease, as far as it is known.
func (r *Release) decode(charts []string) error {
	doc, spec, err := fields(r.Object,
		"metadata.name", "metadata.namespace", "spec.chartRef", "spec.chart.kind", "spec.chart.spec.chart", "spec.chart.spec.url",
		"spec.chart.spec.version", "spec.chart.spec.ref", "spec.chart.spec.sourceRef", "spec.chart.spec.valuesFile",
		"spec.chart.spec.valuesFiles", "spec.chart.spec.ignoreMissingValuesFiles", "spec.releaseName", "spec.targetNamespace",
		"spec.valuesFrom", "spec.values", "spec.suspend")
	if err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(spec)) {
		if field != "values" { // of which pkg/release finds out what is known
			spec[field] = r.known(field, spec[field], charts)
		}
	}
	if len(r.Opaque) > 0 && spec["chart"] == nil && spec["chartRef"] == nil {
		spec["chart"] = map[string]any{} // one that is not known
	}
	return yamldoc.Into(doc, &r.HelmRelease)
}

// known is a field of a spec as far as it is known, nil if it is not. What decides more than a value is noted.
func (r *Release) known(field string, v any, charts []string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			v[key] = r.known(field+"."+key, v[key], charts)
		}
	case []any:
		for i := range v {
			v[i] = r.known(field+"[]", v[i], charts)
		}
		return slices.DeleteFunc(v, func(item any) bool { return item == nil })
	case string:
		return r.knownText(field, v, charts)
	}
	return v
}

// knownText is known for a text. One with a variable without a value stays where any text may stand: as a name, or a key, it is
// that of something that is not there.
func (r *Release) knownText(field, text string, charts []string) any {
	names := substitute.Unknown(text)
	if field == "chart.spec.chart" || field == "chart.spec.url" {
		names = opaque(text, charts)
	}
	if len(names) == 0 {
		return text
	}
	switch field {
	case "chart", "chart.kind", "chart.spec", "chart.spec.chart", "chart.spec.url", "chartRef":
		r.opaque(names)
		return nil
	case "chartRef.kind", "chartRef.name", "chartRef.namespace":
		r.Opaque = append(r.Opaque, names...)
	case "chart.spec.valuesFiles", "suspend", "valuesFrom", "valuesFrom[]":
		r.shaky = append(r.shaky, names...)
		return nil
	case "valuesFrom[].kind", "valuesFrom[].targetPath":
		r.shaky = append(r.shaky, names...)
	case "chart.spec.ignoreMissingValuesFiles", "chart.spec.ref", "valuesFrom[].optional":
		return nil
	case "chart.spec.sourceRef": // one that says the least about the chart's name
		return map[string]any{"kind": sourcev1.GitRepositoryKind}
	case "chart.spec.sourceRef.kind":
		return sourcev1.GitRepositoryKind
	}
	return text
}

// opaque notes variables that keep the chart from being known.
func (r *Release) opaque(names []string) {
	r.Opaque, r.shaky = append(r.Opaque, names...), append(r.shaky, names...)
}

// opaque lists the unknown variables that keep a chart's name, path or URL from saying whether it is Spegel's. A value may
// hold slashes, so what stands before the last of them says nothing.
func opaque(chart string, charts []string) []string {
	names := substitute.Unknown(chart)
	if len(names) == 0 {
		return nil
	}
	base := path.Base(chart)
	_, unknown, end := substitute.Cut(base)
	if slices.ContainsFunc(charts, func(of string) bool {
		name := path.Base(strings.TrimRight(of, "/"))
		if unknown == "" { // the name is known, and a chart of the policy may be one of that name at one place
			return name == base && strings.Contains(of, "://")
		}
		return strings.HasSuffix(base, ".tgz") || strings.HasSuffix(name, end)
	}) {
		return names
	}
	return nil
}
