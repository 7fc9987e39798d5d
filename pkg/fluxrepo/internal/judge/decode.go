package judge

import (
	"errors"
	"path"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// fields reads some fields of an object, of any version. The valuesFile of a chart, which older ones know, comes before its
// valuesFiles, as Flux has it.
func fields(o *fluxgraph.Object, names ...string) (doc map[string]any, err error) {
	doc, err = yamldoc.Fields(substitute.Seal(o.Text), names...)
	for _, at := range [][]any{{"spec"}, {"spec", "chart", "spec"}} {
		of, _ := certainty.At(doc, at)
		chart, _ := of.(map[string]any)
		file, _ := chart["valuesFile"].(string)
		if files, isList := chart["valuesFiles"].([]any); file != "" && (isList || chart["valuesFiles"] == nil) {
			chart["valuesFiles"] = append([]any{file}, files...)
		}
	}
	return doc, err
}

// decode reads some fields of an object into a Go value.
func decode(o *fluxgraph.Object, into any, names ...string) error {
	doc, err := fields(o, names...)
	if err != nil {
		return err
	}
	return yamldoc.Into(doc, into)
}

// decode reads a HelmRelease as far as it is known. A variable without a value stays where any text may stand: as a name, or a
// key, it is that of something that is not there.
func (r *Release) decode(charts []string) error {
	doc, err := fields(r.Object,
		"metadata.name", "metadata.namespace", "spec.chartRef", "spec.chart.kind", "spec.chart.spec.chart", "spec.chart.spec.url",
		"spec.chart.spec.version", "spec.chart.spec.ref", "spec.chart.spec.sourceRef", "spec.chart.spec.valuesFile",
		"spec.chart.spec.valuesFiles", "spec.chart.spec.ignoreMissingValuesFiles", "spec.releaseName", "spec.targetNamespace",
		"spec.valuesFrom", "spec.values", "spec.suspend")
	for err == nil {
		r.HelmRelease = helmv2.HelmRelease{}
		bad, isField := errors.AsType[*yamldoc.FieldError](yamldoc.Into(doc, &r.HelmRelease))
		if !isField {
			break
		}
		err = r.leaveOut(doc, bad)
	}
	spec := &r.HelmRelease.Spec
	if chart := spec.Chart; chart != nil {
		r.Opaque = slices.Concat(r.Opaque, substitute.Unknown(chart.Kind), opaque(chart.Spec.Chart, charts), opaque(chart.Spec.URL, charts))
		if from := chart.Spec.SourceRef; from != nil && len(substitute.Unknown(from.Kind)) > 0 {
			from.Kind = sourcev1.GitRepositoryKind // one that says the least about the chart's name
		}
	}
	if len(r.Opaque) > 0 {
		r.shaky, spec.Chart = append(r.shaky, r.Opaque...), &helmv2.HelmChartTemplate{}
	}
	if ref := spec.ChartRef; ref != nil {
		r.Opaque = append(r.Opaque, substitute.Unknown(ref.Kind+ref.Name+ref.Namespace)...)
	}
	for _, from := range spec.ValuesFrom {
		r.shaky = append(r.shaky, substitute.Unknown(from.Kind+from.TargetPath)...)
	}
	return err
}

// leaveOut takes a field of the spec out that can't be read because of a variable without a value. Then nothing is certain. It
// returns what is wrong with any other.
func (r *Release) leaveOut(doc map[string]any, bad *yamldoc.FieldError) error {
	at := yamldoc.Steps(bad.Field)
	value, _ := certainty.At(doc, at)
	text, _ := value.(string)
	names := substitute.Unknown(text)
	spec, _ := doc["spec"].(map[string]any)
	if len(names) == 0 || len(at) < 2 || spec == nil {
		return bad
	}
	field, _ := at[1].(string)
	delete(spec, field)
	r.shaky = append(r.shaky, names...)
	if field == "chart" || field == "chartRef" {
		r.Opaque = append(r.Opaque, names...)
	}
	return nil
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
