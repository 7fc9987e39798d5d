package judge

import (
	"cmp"
	"path"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// chartValues are the values that a chart out of this repository brings: its values.yaml, or the files that are named in
// its place, relative to the root of the source. They are nil where the chart is not of this repository, or not all of
// them can be read.
func (j *Judge) chartValues(hr *helmv2.HelmRelease, o *fluxgraph.Object) []release.ChartValues {
	chart := j.chartOf(hr, o)
	from := chart.SourceRef
	if from == nil || from.Kind != sourcev1.GitRepositoryKind {
		return nil
	}
	tree, dir := j.Graph.Tree(), rooted(chart.Chart)
	ignore, own := j.Graph.Declared.Artifact(from.Kind, cmp.Or(from.Namespace, hr.Namespace), from.Name, j.Graph.File(o), dir)
	exists := func(file string) bool { return tree.File(file) != nil && !ignore.File(file) }
	if !own || !exists(path.Join(dir, "Chart.yaml")) {
		return nil
	}
	files, optional := chart.ValuesFiles, chart.IgnoreMissingValuesFiles
	if len(files) == 0 {
		files, optional = []string{path.Join(dir, "values.yaml")}, true // a chart need not have any
	}
	out := []release.ChartValues{}
	for _, file := range files {
		file = rooted(file)
		if optional && !exists(file) {
			continue
		}
		data, err := tree.Read(file)
		if err != nil || !exists(file) {
			return nil
		}
		out = append(out, release.ChartValues{File: file, Data: string(data)})
	}
	return out
}

// rooted is a path in the artifact of a source, which nothing leads out of.
func rooted(p string) string { return path.Join(".", path.Join("/", p)) }

// chartOf is the chart of a release, with what it is taken from; without a source if that is not known.
func (j *Judge) chartOf(hr *helmv2.HelmRelease, o *fluxgraph.Object) (chart helmv2.HelmChartTemplateSpec) {
	if hr.Spec.Chart != nil {
		return hr.Spec.Chart.Spec
	}
	if hr.Spec.ChartRef == nil || hr.Spec.ChartRef.Kind != sourcev1.HelmChartKind {
		return chart
	}
	var of sourcev1.HelmChart
	key := client.ObjectKey{Namespace: cmp.Or(hr.Spec.ChartRef.Namespace, hr.Namespace), Name: hr.Spec.ChartRef.Name}
	if _, err := j.decodeSource(o, sourcev1.HelmChartKind, key, &of); err != nil {
		return chart
	}
	chart.Chart, chart.ValuesFiles, chart.IgnoreMissingValuesFiles = of.Spec.Chart, of.Spec.ValuesFiles, of.Spec.IgnoreMissingValuesFiles
	chart.SourceRef = &helmv2.CrossNamespaceObjectReference{Kind: of.Spec.SourceRef.Kind, Name: of.Spec.SourceRef.Name, Namespace: key.Namespace}
	return chart
}
