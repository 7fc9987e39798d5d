package release

import (
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
	ref := sourceOf(hr)
	kind, files := ref.Kind, []string(nil)
	switch {
	case src.helmChart != nil:
		kind, files = src.helmChart.SourceRef.Kind, src.helmChart.ValuesFiles
	case hr.Spec.Chart != nil:
		files = hr.Spec.Chart.Spec.ValuesFiles
	}
	switch {
	case len(files) > 0:
		return ref.ofChart(strings.Join(files, ", "), "the chart's values files are not read")
	case kind == sourcev1.GitRepositoryKind || kind == sourcev1.BucketKind || kind == sourcev1.ExternalArtifactKind:
		return ref.ofChart(src.chart, "the chart's own values are not read")
	}
	return nil
}

// ofChart is a source that holds values of the chart which are not read.
func (r Reference) ofChart(key, reason string) *Reference {
	r.Chart, r.Key, r.Reason = true, key, reason
	return &r
}

// noteWrapper notes that a chart which wraps Spegel's, as only the values show, has values of its own.
func (r *Release) noteWrapper(hr *helmv2.HelmRelease, o Options) {
	if o.ChartValues != nil || r.defaults != nil || !r.wrapped() {
		return
	}
	if ref := sourceOf(hr); ref.Name != "" {
		r.defaults = ref.ofChart(r.Chart, "the values of a chart that wraps Spegel's are not read")
		r.layChart()
	}
}

// wrapped reports whether the values are those of a chart that wraps Spegel's, one level deeper.
func (r *Release) wrapped() bool {
	inner, _ := lookup(r.values, validate.Path{spegelKey, spegelKey})
	_, isMap := asMap(inner)
	return isMap && !r.own
}
