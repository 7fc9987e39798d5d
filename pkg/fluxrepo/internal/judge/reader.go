package judge

import (
	"context"
	"errors"
	"path"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// reader reads what a HelmRelease names out of what its cluster's Kustomizations emit, and out of the files of its chart.
type reader struct {
	*Judge
	of *Release
}

var _ release.Reader = (*reader)(nil)

// Get implements release.Reader.
func (r *reader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch obj := obj.(type) {
	case *corev1.ConfigMap:
		obj.Data, err = data[string](r, "ConfigMap", key)
	case *corev1.Secret:
		obj.Data, err = data[[]byte](r, "Secret", key)
	case *sourcev1.OCIRepository:
		err = r.source(sourcev1.OCIRepositoryKind, key, obj, &obj.Spec.URL)
	case *sourcev1.HelmChart:
		err = r.source(sourcev1.HelmChartKind, key, obj, &obj.Spec.Chart)
	default:
		err = &release.Unreadable{Reason: "a kind that is not read"}
	}
	return err
}

// find looks for an object, which then is one that the release reads.
func (r *reader) find(kind string, key client.ObjectKey) (*fluxgraph.Object, error) {
	o, missing := r.Graph.Find(r.of.Object, kind, key.Namespace, key.Name)
	if o != nil {
		r.of.read(o)
		return o, nil
	}
	err := error(&release.Unreadable{Reason: missing})
	if missing != fluxgraph.Several && missing != fluxgraph.Unread && len(substitute.Unknown(key.Name+key.Namespace)) == 0 {
		err = errors.Join(err, apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name))
	}
	return nil, err
}

func unreadable(err error) error {
	return &release.Unreadable{Reason: "can't be read: " + overlay.Plain(err).Error()}
}

// source reads where a chart comes from; chart is the field that says which it is.
func (r *reader) source(kind string, key client.ObjectKey, into client.Object, chart *string) error {
	o, err := r.find(kind, key)
	if err != nil {
		return err
	}
	if err := decode(o, into,
		"spec.url", "spec.ref", "spec.chart", "spec.version", "spec.sourceRef", "spec.valuesFile", "spec.valuesFiles", "spec.ignoreMissingValuesFiles",
	); err != nil {
		return unreadable(err)
	}
	if names := opaque(*chart, r.Charts); len(names) > 0 {
		r.of.Opaque, r.of.shaky = append(r.of.Opaque, names...), append(r.of.shaky, names...)
		return &release.Unreadable{Reason: "it does not say which chart it holds: " + substitute.NoValue(names[0])}
	}
	return nil
}

// data are the values of a ConfigMap or Secret, those that are known. An error is about the object, or about a key that the
// release names.
func data[T string | []byte](r *reader, kind string, key client.ObjectKey) (map[string]T, error) {
	o, err := r.find(kind, key)
	if err != nil {
		return nil, err
	}
	held, err := substitute.Data(kind, o.Text)
	if err != nil {
		r.isWrong(o, err)
		return nil, unreadable(err)
	}
	out := map[string]T{}
	for k, v := range held {
		if v.Unread == "" {
			out[k] = T(v.Text)
		}
	}
	for _, ref := range r.of.HelmRelease.Spec.ValuesFrom {
		if v := held[ref.GetValuesKey()]; ref.Kind == kind && ref.Name == key.Name && v.Unread != "" {
			err = &release.Unreadable{Reason: v.Unread}
		}
	}
	return out, err
}

// chartValues are the values that a chart out of this repository brings: its values.yaml, or the files that are named in
// its place, relative to the root of the source. They are nil where the chart is not of this repository.
func (r *reader) chartValues(chart sourcev1.HelmChartSpec, namespace string) []release.ChartValues {
	from, dir := chart.SourceRef, rooted(chart.Chart)
	if from.Kind != sourcev1.GitRepositoryKind {
		return nil
	}
	near, _ := r.Graph.Document(r.of.Object)
	source := r.Graph.Declared.Source(declare.SourceRef{Kind: from.Kind, Namespace: namespace, Name: from.Name}, near, dir)
	tree := r.Graph.Tree
	exists := func(file string) bool { return tree.File(file) != nil && !source.Ignore.File(file) }
	if !source.Ours || !exists(path.Join(dir, "Chart.yaml")) {
		return nil
	}
	files, optional := chart.ValuesFiles, chart.IgnoreMissingValuesFiles
	if len(files) == 0 {
		files, optional = []string{path.Join(dir, "values.yaml")}, true // a chart need not have any
	}
	out := []release.ChartValues{}
	for _, file := range files {
		of := release.ChartValues{File: rooted(file)}
		switch data, err := tree.Read(of.File); {
		case !exists(of.File) && optional:
			continue
		case !exists(of.File):
			of.Unread = "does not exist in this repository"
		case err != nil:
			of.Unread = unreadable(err).Error()
		default:
			of.Data = string(data)
		}
		out = append(out, of)
	}
	return out
}

// rooted is a path in the artifact of a source, which nothing leads out of.
func rooted(p string) string { return path.Join(".", path.Join("/", p)) }
