package admission

import (
	"context"
	"reflect"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// maxKept bounds what a memo keeps, in bytes: one ConfigMap of the largest size, or many of the usual.
const maxKept = 1 << 20

// memo reads each object once in a review, also where an update's old object names it too, unless they are so large that
// they are better read again than kept. What it returns shares memory with what it keeps, and is only read.
type memo struct {
	release.Reader
	seen sync.Map // kind and key to a *lookup

	mu   sync.Mutex
	kept int // bytes
}

type lookup struct {
	once sync.Once
	obj  client.Object // nil if it is not kept
	err  error
}

type lookupKey struct {
	kind reflect.Type
	key  client.ObjectKey
}

// Get implements release.Reader.
func (m *memo) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	kept, _ := m.seen.LoadOrStore(lookupKey{reflect.TypeOf(obj), key}, &lookup{})
	l, first := kept.(*lookup), false
	l.once.Do(func() {
		first = true
		l.err = m.Reader.Get(ctx, key, obj, opts...)
		if m.keeps(obj) {
			l.obj = obj
		}
	})
	switch {
	case first || l.err != nil:
		return l.err
	case l.obj == nil:
		return m.Reader.Get(ctx, key, obj, opts...)
	}
	reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(l.obj).Elem())
	return nil
}

// keeps tells whether there is room for an object.
func (m *memo) keeps(obj client.Object) bool {
	size := 0
	switch obj := obj.(type) {
	case *corev1.ConfigMap:
		for _, value := range obj.Data {
			size += len(value)
		}
		for _, value := range obj.BinaryData {
			size += len(value)
		}
	case *corev1.Secret:
		for _, value := range obj.Data {
			size += len(value)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept+size > maxKept {
		return false
	}
	m.kept += size
	return true
}
