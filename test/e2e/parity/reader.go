package parity

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
)

// Reader serves the objects of a case from memory. Secrets are forbidden.
func (c Case) Reader() client.Reader { return reader{objects: c.Objects} }

type reader struct {
	client.Reader
	objects []*unstructured.Unstructured
}

func (r reader) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	kind := kindOf(obj)
	resource := schema.GroupResource{Resource: kind}
	if kind == "Secret" {
		return apierrors.NewForbidden(resource, key.Name, nil)
	}
	for _, u := range r.objects {
		if u.GetKind() == kind && u.GetNamespace() == key.Namespace && u.GetName() == key.Name {
			return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, obj)
		}
	}
	return apierrors.NewNotFound(resource, key.Name)
}

func kindOf(obj client.Object) string {
	switch obj.(type) {
	case *corev1.ConfigMap:
		return "ConfigMap"
	case *corev1.Secret:
		return "Secret"
	case *sourcev1.OCIRepository:
		return sourcev1.OCIRepositoryKind
	case *sourcev1.HelmChart:
		return sourcev1.HelmChartKind
	}
	return ""
}
