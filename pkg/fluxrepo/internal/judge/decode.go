package judge

import (
	"fmt"
	"path"
	"slices"
	"strings"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Decode reads some fields of an object, of any version.
func Decode(o *fluxgraph.Object, into any, fields ...string) error {
	doc, err := yamldoc.Fields(substitute.Seal(o.Text), fields...)
	if err != nil {
		return err
	}
	if spec, isMap := doc["spec"].(map[string]any); isMap {
		takeValuesFile(spec)
	}
	return yamldoc.Into(doc, into)
}

// takeValuesFile puts the valuesFile of a chart, a field of older versions, before its valuesFiles, as Flux does.
func takeValuesFile(chart map[string]any) {
	file, _ := chart["valuesFile"].(string)
	files, isList := chart["valuesFiles"].([]any)
	if file != "" && (isList || chart["valuesFiles"] == nil) {
		chart["valuesFiles"] = append([]any{file}, files...)
	}
}

// decode reads a HelmRelease without the fields that are a variable without a value, which it notes.
func (r *Release) decode(charts []string) error {
	doc, err := yamldoc.Fields(substitute.Seal(r.Object.Text),
		"metadata.name", "metadata.namespace", "spec.chartRef", "spec.chart.kind", "spec.chart.spec.chart", "spec.chart.spec.url",
		"spec.chart.spec.version", "spec.chart.spec.ref", "spec.chart.spec.sourceRef", "spec.chart.spec.valuesFile",
		"spec.chart.spec.valuesFiles", "spec.chart.spec.ignoreMissingValuesFiles", "spec.releaseName", "spec.targetNamespace",
		"spec.valuesFrom", "spec.values", "spec.suspend")
	if err != nil {
		return err
	}
	if spec, isMap := doc["spec"].(map[string]any); isMap {
		chart, _ := spec["chart"].(map[string]any)
		of, _ := chart["spec"].(map[string]any)
		takeValuesFile(of)
		r.takeChart(spec, charts)
		r.takeValues(spec)
	}
	return yamldoc.Into(doc, &r.HelmRelease)
}

// takeChart notes the variables without a value in what says which chart it is.
func (r *Release) takeChart(spec map[string]any, charts []string) {
	if names := without(spec, "chartRef"); len(names) > 0 {
		spec["chart"] = map[string]any{} // one that is not known
		r.opaque(names)
		return
	}
	r.Opaque = unknown(spec["chartRef"])
	names := unknown(spec["chart"])
	if len(names) == 0 {
		return
	}
	chart, _ := spec["chart"].(map[string]any)
	of, isMap := chart["spec"].(map[string]any)
	if !isMap || len(unknown(chart["kind"])) > 0 {
		spec["chart"] = map[string]any{}
		r.opaque(names)
		return
	}
	for _, field := range []string{"chart", "url"} {
		text, _ := of[field].(string)
		if names := opaque(text, charts); len(names) > 0 {
			delete(of, field)
			r.opaque(names)
		}
	}
	r.shaky = append(r.shaky, without(of, "valuesFiles")...)
	without(of, "ignoreMissingValuesFiles")
	without(of, "version")
	if len(unknown(of["ref"])) > 0 {
		delete(of, "ref") // it names no version
	}
	if len(unknown(of["sourceRef"])) > 0 {
		of["sourceRef"] = map[string]any{"kind": sourcev1.GitRepositoryKind} // which says the least about the chart's name
	}
}

// takeValues notes those in what says where the values come from, and whether it is suspended. A name or a key that holds
// one is the name of something that is not there.
func (r *Release) takeValues(spec map[string]any) {
	r.shaky = slices.Concat(r.shaky, without(spec, "suspend"), without(spec, "valuesFrom"))
	refs, isList := spec["valuesFrom"].([]any)
	if !isList {
		return
	}
	spec["valuesFrom"] = slices.DeleteFunc(refs, func(item any) bool {
		ref, isMap := item.(map[string]any)
		if !isMap {
			names := unknown(item)
			r.shaky = append(r.shaky, names...)
			return len(names) > 0
		}
		without(ref, "optional")
		r.shaky = slices.Concat(r.shaky, unknown(ref["kind"]), unknown(ref["targetPath"]))
		return false
	})
}

// opaque notes variables that keep the chart from being known.
func (r *Release) opaque(names []string) {
	r.Opaque, r.shaky = append(r.Opaque, names...), append(r.shaky, names...)
}

// unknown lists the unknown variables anywhere in a field.
func unknown(v any) []string { return substitute.Unknown(fmt.Sprint(v)) }

// without takes a field away that is a text with unknown variables, and lists them.
func without(fields map[string]any, field string) (names []string) {
	if text, isText := fields[field].(string); isText {
		if names = unknown(text); len(names) > 0 {
			delete(fields, field)
		}
	}
	return names
}

// opaque lists the unknown variables that keep a chart's name, path or URL from saying whether it is Spegel's. A value may
// hold slashes, so what stands before the last of them says nothing.
func opaque(chart string, charts []string) []string {
	names := substitute.Unknown(chart)
	if len(names) == 0 {
		return nil
	}
	base := path.Base(chart)
	end := substitute.AfterUnknown(base)
	if slices.ContainsFunc(charts, func(of string) bool {
		name := path.Base(strings.TrimRight(of, "/"))
		if end == base { // the name is known, and a chart of the policy may be one of that name at one place
			return name == base && strings.Contains(of, "://")
		}
		return strings.HasSuffix(base, ".tgz") || strings.HasSuffix(name, end)
	}) {
		return names
	}
	return nil
}
