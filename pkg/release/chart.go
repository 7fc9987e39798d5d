package release

import (
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
)

// ChartValues is a values file of a chart.
type ChartValues struct {
	File string // its path, as a person finds it
	Data string // its content
}

// readChart takes the values that the chart brings, or notes why they are not known. Spegel's own chart, as it is
// published, sets nothing that rules read; a chart out of files may, and so may values files and a chart that wraps it.
func (r *Release) readChart(src source, files []ChartValues) {
	switch {
	case files != nil:
	case len(src.valuesFiles) > 0:
		r.defaults = src.defaults("the chart's values files are not read")
		r.defaults.Key = strings.Join(src.valuesFiles, ", ")
	case src.files:
		r.defaults = src.defaults("the chart's own values are not read")
	}
	for _, file := range files {
		tree, err := common.ReadValues([]byte(file.Data))
		if err != nil {
			r.chart, r.defaults = nil, &Reference{Kind: "File", Name: file.File, Reason: notYAML, Chart: true}
			return
		}
		r.chart = append(r.chart, layer{origin: Origin{File: file.File}, tree: map[string]any(tree)})
	}
}

// defaults is the source of what the chart brings, which is not read.
func (s *source) defaults(reason string) *Reference {
	ref := s.from
	ref.Chart, ref.Key, ref.Reason = true, s.chart, reason
	return &ref
}
