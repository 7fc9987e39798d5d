package fluxrepo

import (
	"context"
	"slices"
	"strings"
	"sync"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
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
	release *object
	wanted  []helmv2.ValuesReference
	world   world
	used    func(*scope, string)
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
		if err == nil && strings.Contains(in.Spec.URL, harmlessMark) {
			err = &release.Unreadable{Reason: "its url holds a variable without a value"}
		}
		obj.Spec.URL, obj.Spec.Reference = in.Spec.URL, in.Spec.Ref
		return err
	case *sourcev1.HelmChart:
		var in struct {
			Spec struct{ Chart, Version string } `json:"spec"`
		}
		err := r.source(sourcev1.HelmChartKind, key, &in)
		if err == nil && strings.Contains(in.Spec.Chart, harmlessMark) {
			err = &release.Unreadable{Reason: "its chart holds a variable without a value"}
		}
		obj.Spec.Chart, obj.Spec.Version = in.Spec.Chart, in.Spec.Version
		return err
	}
	return &release.Unreadable{Reason: "a kind that is not read"}
}

func (r *reader) source(kind string, key client.ObjectKey, into any) error {
	o, reason := r.find(kind, key)
	if o == nil {
		return &release.Unreadable{Reason: reason}
	}
	text, err := r.graph.put(o, r.world, r.used)
	if err != nil {
		return &release.Unreadable{Reason: "variables can't be put in"}
	}
	return sigsyaml.Unmarshal(text, into)
}

func (r *reader) data(kind string, key client.ObjectKey) (map[string]string, error) {
	o, reason := r.find(kind, key)
	if o == nil {
		return nil, &release.Unreadable{Reason: reason}
	}
	data, err := r.graph.data(o, r.world, r.used)
	if err != nil {
		return nil, &release.Unreadable{Reason: "can't be read: " + plain(err)}
	}
	out := map[string]string{}
	for k, v := range data {
		wanted := slices.ContainsFunc(r.wanted, func(ref helmv2.ValuesReference) bool {
			return ref.Kind == kind && ref.Name == key.Name && ref.GetValuesKey() == k
		})
		if v.encrypted && wanted {
			return nil, &release.Unreadable{Reason: encrypted}
		}
		out[k] = v.text
	}
	return out, nil
}

func (r *reader) find(kind string, key client.ObjectKey) (o *object, missing string) {
	o, missing = r.graph.find(r.release.by, kind, key.Namespace, key.Name, r.release.file)
	if o != nil && o.by == nil && r.release.by != nil && r.graph.standsAside(r.graph.files[o.file]) && r.graph.seen(o.file) {
		return nil, "nothing builds it"
	}
	return o, missing
}
