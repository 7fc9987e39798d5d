package fluxrepo

import (
	"cmp"
	"context"
	"path"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// chartValues are the values that a chart out of this repository brings: its values.yaml, or the files that are named in
// its place. They are nil where the chart is not of this repository, or not all of them can be read.
func (c *check) chartValues(ctx context.Context, s *subject) (out []release.ChartValues) {
	chart, files, ref := s.chartOf(ctx)
	dir, inside := worktree.Resolve(".", path.Join(".", chart))
	if ref.Kind != sourcev1.GitRepositoryKind || !inside {
		return nil
	}
	ignore, own := s.graph.Artifact(ref.Kind, cmp.Or(ref.Namespace, s.object.Namespace), ref.Name, c.fileOf(s.object), dir)
	if !own || s.graph.Tree().File(path.Join(dir, "Chart.yaml")) == nil {
		return nil
	}
	if len(files) == 0 {
		files = []string{path.Join(dir, "values.yaml")}
		if s.graph.Tree().File(files[0]) == nil {
			return []release.ChartValues{} // a chart need not have any
		}
	}
	for _, file := range files {
		file, inside := worktree.Resolve(".", path.Clean(file))
		if !inside || ignore.File(file) {
			return nil
		}
		data, err := s.graph.Tree().Read(file)
		if err != nil {
			return nil
		}
		out = append(out, release.ChartValues{File: c.in.show(file), Data: string(data)})
	}
	return out
}

// chartOf is the path of a release's chart in its source, with the values files that it names.
func (s *subject) chartOf(ctx context.Context) (chart string, files []string, ref helmv2.CrossNamespaceObjectReference) {
	switch spec := s.hr.Spec; {
	case spec.Chart != nil && spec.Chart.Spec.SourceRef != nil:
		return spec.Chart.Spec.Chart, spec.Chart.Spec.ValuesFiles, *spec.Chart.Spec.SourceRef
	case spec.ChartRef != nil && spec.ChartRef.Kind == sourcev1.HelmChartKind:
		of := &sourcev1.HelmChart{}
		key := client.ObjectKey{Namespace: cmp.Or(spec.ChartRef.Namespace, s.object.Namespace), Name: spec.ChartRef.Name}
		if err := (&reader{subject: &subject{check: s.check, graph: s.graph, object: s.object, hr: s.hr}}).Get(ctx, key, of); err != nil {
			return "", nil, ref
		}
		return of.Spec.Chart, of.Spec.ValuesFiles, helmv2.CrossNamespaceObjectReference{Kind: of.Spec.SourceRef.Kind, Name: of.Spec.SourceRef.Name, Namespace: key.Namespace}
	}
	return "", nil, ref
}
