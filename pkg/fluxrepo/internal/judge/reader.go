package judge

import (
	"context"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// reader reads what a HelmRelease names out of what its cluster's Kustomizations emit.
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
		obj.Data, err = r.data("ConfigMap", key)
	case *corev1.Secret:
		var data map[string]string
		data, err = r.data("Secret", key)
		obj.Data = map[string][]byte{}
		for k, v := range data {
			obj.Data[k] = []byte(v)
		}
	case *sourcev1.OCIRepository:
		err = r.source(sourcev1.OCIRepositoryKind, key, obj, "url", &obj.Spec.URL)
	case *sourcev1.HelmChart:
		err = r.source(sourcev1.HelmChartKind, key, obj, "chart", &obj.Spec.Chart)
	default:
		err = &release.Unreadable{Reason: "a kind that is not read"}
	}
	return err
}

// source reads where a chart comes from, of which a field says which it is.
func (r *reader) source(kind string, key client.ObjectKey, into client.Object, field string, chart *string) error {
	o, err := r.decodeSource(r.of.Object, kind, key, into)
	if o == nil {
		return err
	}
	r.of.Read = append(r.of.Read, o)
	if names := opaque(*chart, r.Charts); err == nil && len(names) > 0 {
		r.of.opaque(names)
		return &release.Unreadable{Reason: "its " + field + " holds a variable without a value"}
	}
	return err
}

func (j *Judge) decodeSource(of *fluxgraph.Object, kind string, key client.ObjectKey, into client.Object) (*fluxgraph.Object, error) {
	o, missing := j.Graph.Find(of, kind, key.Namespace, key.Name)
	if o == nil {
		return nil, &release.Unreadable{Reason: missing}
	}
	if err := Decode(o, into,
		"spec.url", "spec.ref", "spec.chart", "spec.version", "spec.sourceRef", "spec.valuesFile",
		"spec.valuesFiles", "spec.ignoreMissingValuesFiles",
	); err != nil {
		return o, &release.Unreadable{Reason: "can't be read: " + overlay.Plain(err).Error()}
	}
	return o, nil
}

func (r *reader) data(kind string, key client.ObjectKey) (map[string]string, error) {
	o, missing := r.Graph.Find(r.of.Object, kind, key.Namespace, key.Name)
	refs := slices.DeleteFunc(slices.Clone(r.of.HelmRelease.Spec.ValuesFrom), func(ref helmv2.ValuesReference) bool { return ref.Kind != kind || ref.Name != key.Name })
	switch {
	case o == nil && fluxgraph.IsAbsent(missing) && len(substitute.Unknown(key.Name+key.Namespace)) == 0 &&
		!slices.ContainsFunc(refs, func(ref helmv2.ValuesReference) bool { return !ref.Optional }):
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name)
	case o == nil:
		return nil, &release.Unreadable{Reason: missing}
	}
	r.of.Read = append(r.of.Read, o)
	data, err := substitute.Data(kind, o.Text)
	if err != nil {
		return nil, &release.Unreadable{Reason: "can't be read: " + overlay.Plain(err).Error()}
	}
	out := map[string]string{}
	for k, v := range data {
		if v.Unread == "" {
			out[k] = v.Text
		}
	}
	for _, ref := range refs {
		if v := data[ref.GetValuesKey()]; v.Unread != "" {
			err = &release.Unreadable{Reason: v.Unread}
		}
	}
	return out, err
}
