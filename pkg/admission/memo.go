package admission

import (
	"context"
	"reflect"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// memo reads each object once in a review, also where an update's old object names it too. What it
// returns shares memory with what it keeps, and is only read.
type memo struct {
	release.Reader
	seen sync.Map // kind and key to a *lookup
}

type lookup struct {
	once sync.Once
	obj  client.Object
	err  error
}

type lookupKey struct {
	kind reflect.Type
	key  client.ObjectKey
}

// Get implements release.Reader.
func (m *memo) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	kept, _ := m.seen.LoadOrStore(lookupKey{reflect.TypeOf(obj), key}, &lookup{})
	l := kept.(*lookup)
	l.once.Do(func() {
		l.err = m.Reader.Get(ctx, key, obj, opts...)
		l.obj = obj
	})
	if l.err == nil && l.obj != obj {
		reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(l.obj).Elem())
	}
	return l.err
}
