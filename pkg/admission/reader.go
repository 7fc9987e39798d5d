package admission

import (
	"context"
	"reflect"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// cachedReader reads each object once in a review, also where an update's old object names it too. What it returns shares memory
// with what it keeps, and is only read.
type cachedReader struct {
	release.Reader // nil counts each object as unreadable

	objects map[objectKey]cachedObject
}

type objectKey struct {
	kind reflect.Type
	key  client.ObjectKey
}

type cachedObject struct {
	client.Object

	err error
}

// Get implements release.Reader.
func (c *cachedReader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	of := objectKey{reflect.TypeOf(obj), key}
	read, again := c.objects[of]
	if !again {
		read = cachedObject{obj, &release.Unreadable{Reason: "not read"}}
		if c.Reader != nil {
			read.err = c.Reader.Get(ctx, key, obj, opts...)
		}
		c.objects[of] = read
	}
	if again && read.err == nil {
		reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(read.Object).Elem())
	}
	return read.err
}
