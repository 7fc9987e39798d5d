package release

import (
	"cmp"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"helm.sh/helm/v4/pkg/chart/common"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// ChartValues is a values file of a chart.
type ChartValues struct {
	File string // its path, as a person finds it
	Data string // its content
}

// readChart takes the values that the chart brings, or notes why they are not known. Spegel's own chart, as it is
// published, sets nothing that rules read; a chart out of files may, and so may values files and a chart that wraps it.
func (r *Release) readChart(hr *helmv2.HelmRelease, src source, o Options) {
	if o.ChartValues == nil {
		r.defaults = unreadDefaults(hr, src)
	}
	for _, file := range o.ChartValues {
		tree, err := common.ReadValues([]byte(file.Data))
		if err != nil {
			r.chart, r.defaults = nil, &Reference{Kind: "File", Name: file.File, Reason: notYAML, Chart: true}
			return
		}
		r.chart = append(r.chart, layer{origin: Origin{File: file.File}, tree: map[string]any(tree)})
	}
}

// unreadDefaults says what brings values of its own that are not read; nil if nothing does.
func unreadDefaults(hr *helmv2.HelmRelease, src source) *Reference {
	ref := chartSourceOf(hr)
	var kind string // of the source of a HelmChart
	var files []string
	switch {
	case ref == nil:
		return nil
	case src.helmChart != nil:
		kind, files = src.helmChart.SourceRef.Kind, src.helmChart.ValuesFiles
	case hr.Spec.Chart != nil:
		kind, files = ref.Kind, hr.Spec.Chart.Spec.ValuesFiles
	}
	switch {
	case len(files) > 0:
		ref.Key, ref.Reason = strings.Join(files, ", "), "the chart's values files are not read"
	case ofFiles(kind) || ref.Kind == sourcev1.ExternalArtifactKind:
		ref.Key, ref.Reason = src.chart, "the chart's own values are not read"
	default:
		return nil
	}
	return ref
}

// chartSourceOf is the object that the release takes its chart from; nil if it names none.
func chartSourceOf(hr *helmv2.HelmRelease) *Reference {
	out := &Reference{Namespace: hr.Namespace, Chart: true}
	switch {
	case hr.Spec.ChartRef != nil:
		ref := hr.Spec.ChartRef
		out.Kind, out.Namespace, out.Name = ref.Kind, cmp.Or(ref.Namespace, hr.Namespace), ref.Name
	case hr.Spec.Chart == nil:
		return nil
	case hr.Spec.Chart.Spec.SourceRef != nil:
		ref := hr.Spec.Chart.Spec.SourceRef
		out.Kind, out.Namespace, out.Name = ref.Kind, cmp.Or(ref.Namespace, hr.Namespace), ref.Name
	default:
		out.Kind, out.Name = sourcev1.OCIRepositoryKind, hr.Spec.Chart.Spec.URL
	}
	return out
}

// noteWrapper notes that a chart which wraps Spegel's, as only the values show, has values of its own.
func (r *Release) noteWrapper(hr *helmv2.HelmRelease, o Options) {
	if o.ChartValues != nil || r.defaults != nil || !r.wrapped() {
		return
	}
	if ref := chartSourceOf(hr); ref != nil {
		ref.Key, ref.Reason = r.Chart, "the values of a chart that wraps Spegel's are not read"
		r.defaults = ref
		r.layChart()
	}
}

// wrapped reports whether the values are those of a chart that wraps Spegel's, one level deeper.
func (r *Release) wrapped() bool {
	inner, _ := lookup(r.values, validate.Path{spegelKey, spegelKey})
	_, isMap := asMap(inner)
	return isMap && !r.own
}
