package fluxrepo

import (
	"cmp"
	"context"
	"path"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// chartValues are the values that a chart out of this repository brings: its values.yaml, or the files that are named in
// its place, relative to the root of the source. They are nil where the chart is not of this repository, or not all of
// them can be read.
func (c *check) chartValues(ctx context.Context, s *subject) []release.ChartValues {
	spec := s.chartOf(ctx)
	if spec.SourceRef == nil || spec.SourceRef.Kind != sourcev1.GitRepositoryKind {
		return nil
	}
	tree, dir := s.graph.Tree(), rooted(spec.Chart)
	ignore, own := s.graph.Artifact(spec.SourceRef.Kind, cmp.Or(spec.SourceRef.Namespace, s.object.Namespace), spec.SourceRef.Name, c.fileOf(s.object), dir)
	exists := func(file string) bool { return tree.File(file) != nil && !ignore.File(file) }
	if !own || !exists(path.Join(dir, "Chart.yaml")) {
		return nil
	}
	files, optional := spec.ValuesFiles, spec.IgnoreMissingValuesFiles
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
		out = append(out, release.ChartValues{File: c.in.show(file), Data: string(data)})
	}
	return out
}

// rooted is a path in the artifact of a source, which nothing leads out of.
func rooted(p string) string { return path.Join(".", path.Join("/", p)) }

// chartOf is the chart of a release, with what it is taken from; without a source if that is not known.
func (s *subject) chartOf(ctx context.Context) (chart helmv2.HelmChartTemplateSpec) {
	spec := s.hr.Spec
	if spec.Chart != nil {
		return spec.Chart.Spec
	}
	if spec.ChartRef == nil || spec.ChartRef.Kind != sourcev1.HelmChartKind {
		return chart
	}
	of := &sourcev1.HelmChart{}
	key := client.ObjectKey{Namespace: cmp.Or(spec.ChartRef.Namespace, s.object.Namespace), Name: spec.ChartRef.Name}
	if err := (&reader{subject: &subject{check: s.check, graph: s.graph, object: s.object, hr: s.hr}}).Get(ctx, key, of); err != nil {
		return chart
	}
	chart.Chart, chart.ValuesFiles, chart.IgnoreMissingValuesFiles = of.Spec.Chart, of.Spec.ValuesFiles, of.Spec.IgnoreMissingValuesFiles
	chart.SourceRef = &helmv2.CrossNamespaceObjectReference{Kind: of.Spec.SourceRef.Kind, Name: of.Spec.SourceRef.Name, Namespace: key.Namespace}
	return chart
}
