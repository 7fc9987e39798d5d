package release

import (
	"context"
	"errors"
	"fmt"
	"sync"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const namespace = "kube-system"

// cluster holds objects by kind, namespace and name, and counts what is read. As chartutil's client, it
// serves Get and nothing else.
type cluster struct {
	client.Client
	objects map[string]client.Object
	fail    map[string]error // by the same key
	partly  map[string]error // as fail, beside what can be read

	mu    sync.Mutex
	reads map[string]int
}

func newCluster(objects ...client.Object) *cluster {
	c := &cluster{objects: map[string]client.Object{}, fail: map[string]error{}, reads: map[string]int{}}
	for _, obj := range objects {
		c.objects[objectID(obj, client.ObjectKeyFromObject(obj))] = obj
	}
	return c
}

func objectID(obj client.Object, key client.ObjectKey) string {
	kind := map[string]string{
		"*v1.ConfigMap": "ConfigMap", "*v1.Secret": "Secret", "*v1.OCIRepository": "OCIRepository", "*v1.HelmChart": "HelmChart",
	}[fmt.Sprintf("%T", obj)]
	return kind + " " + key.String()
}

func (c *cluster) Get(ctx context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	id := objectID(obj, key)
	c.mu.Lock()
	c.reads[id]++
	c.mu.Unlock()
	if err := errors.Join(ctx.Err(), c.fail[id]); err != nil {
		return err
	}
	switch found := c.objects[id].(type) {
	case *corev1.ConfigMap:
		found.DeepCopyInto(obj.(*corev1.ConfigMap))
	case *corev1.Secret:
		found.DeepCopyInto(obj.(*corev1.Secret))
	case *sourcev1.OCIRepository:
		found.DeepCopyInto(obj.(*sourcev1.OCIRepository))
	case *sourcev1.HelmChart:
		found.DeepCopyInto(obj.(*sourcev1.HelmChart))
	default:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, key.Name)
	}
	return c.partly[id]
}

// unread is a reader that reads nothing.
type unread struct{}

func (unread) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return &Unreadable{Reason: "not read"}
}

func forbidden(name string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, name, nil)
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
}

func secret(name string, data map[string]string) *corev1.Secret {
	out := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		out.Data[key] = []byte(value)
	}
	return out
}

// values is the data of an object whose values are at the default key.
func values(text string) map[string]string { return map[string]string{"values.yaml": text} }

// readData is the data of an object, or why it could not be read.
func (c *cluster) readData(ctx context.Context, kind, name string) (data map[string]string, err error) {
	if kind == "ConfigMap" {
		cm := &corev1.ConfigMap{}
		err = c.Get(ctx, objectKey(name), cm)
		return cm.Data, err
	}
	obj := &corev1.Secret{}
	err = c.Get(ctx, objectKey(name), obj)
	data = map[string]string{}
	for key, value := range obj.Data {
		data[key] = string(value)
	}
	return data, err
}
