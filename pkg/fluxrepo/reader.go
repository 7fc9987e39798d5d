package fluxrepo

import (
	"context"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// reader reads what a HelmRelease names out of what its cluster's Kustomizations emit.
type reader struct {
	*subject
}

var _ release.Reader = (*reader)(nil)

// Get implements release.Reader.
func (r *reader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch obj := obj.(type) {
	case *corev1.ConfigMap:
		data, err := r.data("ConfigMap", key)
		obj.Data = data
		return err
	case *corev1.Secret:
		data, err := r.data("Secret", key)
		obj.Data = map[string][]byte{}
		for k, v := range data {
			obj.Data[k] = []byte(v)
		}
		return err
	case *sourcev1.OCIRepository:
		var in struct {
			Spec struct {
				URL string                     `json:"url"`
				Ref *sourcev1.OCIRepositoryRef `json:"ref"`
			} `json:"spec"`
		}
		err := r.source(sourcev1.OCIRepositoryKind, key, &in)
		if names := r.unknownIn(in.Spec.URL); err == nil && len(names) > 0 {
			err = r.unknownChart("url", names)
		}
		obj.Spec.URL, obj.Spec.Reference = in.Spec.URL, in.Spec.Ref
		return err
	case *sourcev1.HelmChart:
		var in struct {
			Spec struct {
				Chart       string                                 `json:"chart"`
				Version     string                                 `json:"version"`
				SourceRef   sourcev1.LocalHelmChartSourceReference `json:"sourceRef"`
				ValuesFiles []string                               `json:"valuesFiles"`
				Optional    bool                                   `json:"ignoreMissingValuesFiles"`
			} `json:"spec"`
		}
		err := r.source(sourcev1.HelmChartKind, key, &in)
		if names := r.unknownIn(in.Spec.Chart); err == nil && len(names) > 0 {
			err = r.unknownChart("chart", names)
		}
		obj.Spec.Chart, obj.Spec.Version, obj.Spec.SourceRef = in.Spec.Chart, in.Spec.Version, in.Spec.SourceRef
		obj.Spec.ValuesFiles, obj.Spec.IgnoreMissingValuesFiles = in.Spec.ValuesFiles, in.Spec.Optional
		return err
	}
	return &release.Unreadable{Reason: "a kind that is not read"}
}

func (r *reader) source(kind string, key client.ObjectKey, into any) error {
	o, reason := r.graph.Find(r.object, kind, key.Namespace, key.Name)
	if o == nil {
		return &release.Unreadable{Reason: reason}
	}
	r.read = append(r.read, o)
	return sigsyaml.Unmarshal(substitute.Seal(o.Text), into)
}

// unknownChart notes the variables that keep a source from saying which chart it holds.
func (r *reader) unknownChart(field string, names []string) error {
	r.shaky, r.chart = append(r.shaky, names...), append(r.chart, names...)
	return &release.Unreadable{Reason: "its " + field + " holds a variable without a value"}
}

func (r *reader) data(kind string, key client.ObjectKey) (map[string]string, error) {
	o, reason := r.graph.Find(r.object, kind, key.Namespace, key.Name)
	refs := slices.DeleteFunc(slices.Clone(r.hr.Spec.ValuesFrom), func(ref helmv2.ValuesReference) bool { return ref.Kind != kind || ref.Name != key.Name })
	switch {
	case o == nil && fluxgraph.IsAbsent(reason) && len(substitute.Unknown(key.Name+key.Namespace)) == 0 &&
		!slices.ContainsFunc(refs, func(ref helmv2.ValuesReference) bool { return !ref.Optional }):
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name)
	case o == nil:
		return nil, &release.Unreadable{Reason: reason}
	}
	r.read = append(r.read, o)
	data, err := substitute.Data(kind, o.Text)
	if err != nil {
		return nil, &release.Unreadable{Reason: "can't be read: " + overlay.Plain(err).Error()}
	}
	out, unread := map[string]string{}, map[string]string{}
	for k, v := range data {
		out[k] = v.Text
		if v.Unread != "" {
			unread[k] = v.Unread
		}
	}
	if len(unread) > 0 {
		return out, &release.Unreadable{Keys: unread}
	}
	return out, nil
}
