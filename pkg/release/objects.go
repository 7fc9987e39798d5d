package release

import (
	"context"
	"sync"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// objectName is an object that references name, in the release's namespace.
type objectName struct{ kind, name string }

// object is what was read of one.
type object struct {
	data map[string]string
	err  error
	size int // in bytes; 0 once it is spent
}

// objects are those that a review has read.
type objects struct {
	reader    Reader
	namespace string
	byName    map[objectName]*object
}

// first is the object of the first reference. If it was not read yet it is now, together with the next few.
func (o *objects) first(ctx context.Context, refs []helmv2.ValuesReference) *object {
	first := objectName{refs[0].Kind, refs[0].Name}
	if obj := o.byName[first]; obj != nil {
		return obj
	}
	var reads sync.WaitGroup
	began := 0
	for _, ref := range refs {
		name := objectName{ref.Kind, ref.Name}
		if o.byName[name] != nil {
			continue
		}
		obj := &object{}
		o.byName[name] = obj
		reads.Go(func() {
			obj.data, obj.err = readData(ctx, o.reader, name.kind, client.ObjectKey{Namespace: o.namespace, Name: name.name})
			for _, value := range obj.data {
				obj.size += len(value)
			}
		})
		began++
		if began == maxAtOnce {
			break
		}
	}
	reads.Wait()
	return o.byName[first]
}

func readData(ctx context.Context, r Reader, kind string, key client.ObjectKey) (map[string]string, error) {
	if r == nil {
		return nil, &Unreadable{"not read"}
	}
	switch kind {
	case "ConfigMap":
		var cm corev1.ConfigMap
		err := r.Get(ctx, key, &cm)
		return cm.Data, err
	case "Secret":
		var secret corev1.Secret
		err := r.Get(ctx, key, &secret)
		data := make(map[string]string, len(secret.Data))
		for k, v := range secret.Data {
			data[k] = string(v)
		}
		return data, err
	}
	return nil, &Unreadable{"a kind that Flux does not read values from"}
}
