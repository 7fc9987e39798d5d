package fluxrepo

import (
	"context"
	"sync"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// reader reads what a HelmRelease names out of what its cluster's Kustomizations emit.
type reader struct {
	mu      sync.Mutex // pkg/release reads several at a time
	graph   *graph
	subject *subject
}

var _ release.Reader = (*reader)(nil)

// Get implements release.Reader.
func (r *reader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	r.mu.Lock()
	defer r.mu.Unlock()
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
		if names := r.graph.unknownIn(in.Spec.URL); err == nil && len(names) > 0 {
			err = r.unknownChart("url", names)
		}
		obj.Spec.URL, obj.Spec.Reference = in.Spec.URL, in.Spec.Ref
		return err
	case *sourcev1.HelmChart:
		var in struct {
			Spec struct {
				Chart, Version string
				SourceRef      sourcev1.LocalHelmChartSourceReference `json:"sourceRef"`
			} `json:"spec"`
		}
		err := r.source(sourcev1.HelmChartKind, key, &in)
		if names := r.graph.unknownIn(in.Spec.Chart); err == nil && len(names) > 0 {
			err = r.unknownChart("chart", names)
		}
		obj.Spec.Chart, obj.Spec.Version, obj.Spec.SourceRef = in.Spec.Chart, in.Spec.Version, in.Spec.SourceRef
		return err
	}
	return &release.Unreadable{Reason: "a kind that is not read"}
}

func (r *reader) source(kind string, key client.ObjectKey, into any) error {
	o, reason := r.find(kind, key)
	if o == nil {
		return &release.Unreadable{Reason: reason}
	}
	text, err := r.graph.put(o, r.subject.used)
	if err != nil {
		return &release.Unreadable{Reason: "variables can't be put in"}
	}
	return sigsyaml.Unmarshal(r.subject.unseal(text, o), into)
}

// unknownChart notes the variables that keep a source from telling which chart it holds.
func (r *reader) unknownChart(field string, names []string) error {
	r.subject.shake(names...)
	r.subject.chart = append(r.subject.chart, names...)
	return &release.Unreadable{Reason: "its " + field + " holds a variable without a value"}
}

func (r *reader) data(kind string, key client.ObjectKey) (map[string]string, error) {
	o, reason := r.find(kind, key)
	if o == nil {
		return nil, &release.Unreadable{Reason: reason}
	}
	data, ok := r.subject.data[o]
	if !ok {
		var err error
		if data, err = r.graph.data(o, r.subject.used); err != nil {
			return nil, &release.Unreadable{Reason: "can't be read: " + plain(err)}
		}
		r.subject.data[o] = data
	}
	out, unread := map[string]string{}, release.UnreadableReferences{}
	for k, v := range data {
		out[k] = v.text
	}
	for _, ref := range r.subject.release.Spec.ValuesFrom {
		if ref.Kind != kind || ref.Name != key.Name {
			continue
		}
		d := data[ref.GetValuesKey()]
		if d.unread != "" {
			unread[ref] = d.unread
		}
	}
	if len(unread) > 0 {
		return out, unread
	}
	return out, nil
}

func (r *reader) find(kind string, key client.ObjectKey) (o *object, missing string) {
	o, missing = r.graph.find(r.subject.object.by, kind, key.Namespace, key.Name, r.subject.object.file)
	if r.graph.stray(r.subject.object.by, o) {
		return nil, unbuilt
	}
	return o, missing
}
