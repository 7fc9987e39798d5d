package release

import (
	"context"
	"sync"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// objectName is an object that references name, in the release's namespace.
type objectName struct{ kind, name string }

// object is what was read of one, with no key but those that references name.
type object struct {
	name objectName
	keys map[string]bool
	size int // in bytes, with all keys
	data map[string]string
	err  error
	done chan struct{} // closed when it was read
}

// readObjects reads what references name, each object once, in their order and a few at the same time. It stops when too
// much was read; which objects that leaves unread depends on their sizes alone, not on which read is the quickest.
func readObjects(ctx context.Context, r Reader, namespace string, refs []helmv2.ValuesReference) map[objectName]*object {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait() // a read that was begun in vain does not outlive the review
	defer stop()
	byName, inOrder := objectsOf(refs)
	data, all, next := 0, 0, 0
	for i, obj := range inOrder {
		if data > maxData || all > maxRead {
			for _, late := range inOrder[i:] {
				byName[late.name] = &object{err: &Unreadable{"not read, as there is too much before it"}}
			}
			break
		}
		for ; next < min(i+maxAhead, len(inOrder)); next++ {
			ahead := inOrder[next]
			wg.Go(func() { ahead.read(ctx, r, namespace) })
		}
		<-obj.done
		all += obj.size
		for _, value := range obj.data {
			data += len(value)
		}
	}
	return byName
}

// objectsOf lists the objects of references in order, each once.
func objectsOf(refs []helmv2.ValuesReference) (byName map[objectName]*object, inOrder []*object) {
	byName = make(map[objectName]*object, len(refs))
	for _, vf := range refs {
		name := objectName{vf.Kind, vf.Name}
		if byName[name] == nil {
			byName[name] = &object{name: name, keys: map[string]bool{}, done: make(chan struct{})}
			inOrder = append(inOrder, byName[name])
		}
		byName[name].keys[vf.GetValuesKey()] = true
	}
	return byName, inOrder
}

// read reads an object and lets go of what nothing names.
func (obj *object) read(ctx context.Context, r Reader, namespace string) {
	defer close(obj.done)
	data, err := readData(ctx, r, obj.name.kind, client.ObjectKey{Namespace: namespace, Name: obj.name.name})
	obj.err = err
	for _, value := range data {
		obj.size += len(value)
	}
	obj.data = make(map[string]string, len(obj.keys))
	for key := range obj.keys {
		if value, found := data[key]; found {
			obj.data[key] = value
		}
	}
}
