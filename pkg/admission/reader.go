package admission

import (
	"context"
	"reflect"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// cachedReader reads each object once in a review, also where an update's old object names it too. What it returns shares memory
// with what it keeps, and is only read.
type cachedReader struct {
	release.Reader

	objects sync.Map // of func() (client.Object, error), by objectKey
}

type objectKey struct {
	kind reflect.Type
	key  client.ObjectKey
}

// Get implements release.Reader.
func (c *cachedReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	read, _ := c.objects.LoadOrStore(objectKey{reflect.TypeOf(obj), key}, sync.OnceValues(func() (client.Object, error) {
		return obj, c.Reader.Get(ctx, key, obj, opts...)
	}))
	found, err := read.(func() (client.Object, error))()
	if found != obj {
		reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(found).Elem())
	}
	return err
}
