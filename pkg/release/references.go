package release

import (
	"context"
	"errors"
	"slices"
	"sync"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reader reads one object by name, as controller-runtime's client does: errors are those of the
// Kubernetes API, so a missing object is NotFound and one that may not be read is Forbidden. It must
// be safe for concurrent use.
type Reader interface {
	Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error
}

// Unreadable is an error of a Reader that says why an object can't be read, in words for a person.
type Unreadable struct{ Reason string }

// Error is the reason.
func (u *Unreadable) Error() string { return u.Reason }

// UnreadableReferences is an error of a Reader that filled in an object, but not for some of the references to it. It says
// of each why, in words for a person.
type UnreadableReferences map[helmv2.ValuesReference]string

// Error says that there are such references.
func (UnreadableReferences) Error() string { return "some keys can't be read" }

// reference is one entry of spec.valuesFrom and what was read for it.
type reference struct {
	helmv2.ValuesReference
	namespace string
	data      string
	empty     bool   // counts as no values: optional, and missing for good
	unread    string // why it could not be read; empty if it was
}

// wasRead reports whether there is something to merge.
func (ref *reference) wasRead() bool { return ref.unread == "" && !ref.empty }

// object is what was read of an object that references name.
type object struct {
	data map[string]string
	err  error
	size int // in bytes; 0 once it is counted
}

// objectName names one, in the release's namespace.
type objectName struct{ kind, name string }

// readReferences reads what spec.valuesFrom names, a few at a time and as far as the limits go. What that leaves unread depends
// on sizes alone, not on which read is the quickest.
func readReferences(ctx context.Context, hr *helmv2.HelmRelease, o Options) (refs []reference) {
	if len(hr.Spec.ValuesFrom) == 0 {
		return nil
	}
	left := maxSize
	if hr.Spec.Values != nil {
		left -= nodeSize * nodes(string(hr.Spec.Values.Raw))
	}
	objects := map[objectName]*object{}
	for batch := range slices.Chunk(hr.Spec.ValuesFrom, maxAtOnce) {
		if left >= 0 && len(refs) < maxReferences {
			readObjects(ctx, o.Reader, hr.Namespace, batch, objects)
		}
		for _, vf := range batch {
			ref := reference{ValuesReference: vf, namespace: hr.Namespace}
			if left < 0 || len(refs) >= maxReferences {
				ref.unread = "not read, as there is too much beside it"
			} else {
				obj := objects[objectName{vf.Kind, vf.Name}]
				ref.take(obj, o.Create)
				cost := ref.size()
				if cost > left && ref.wasRead() {
					ref.unread = "is too large"
				}
				left -= max(obj.size, cost)
				obj.size = 0 // it is read once, however many references name it
			}
			refs = append(refs, ref)
		}
	}
	return refs
}

// readObjects reads what references name and was not read yet, all at once.
func readObjects(ctx context.Context, r Reader, namespace string, refs []helmv2.ValuesReference, into map[objectName]*object) {
	var reads sync.WaitGroup
	for _, ref := range refs {
		name := objectName{ref.Kind, ref.Name}
		if into[name] != nil {
			continue
		}
		obj := &object{}
		into[name] = obj
		reads.Go(func() {
			obj.data, obj.err = readData(ctx, r, ref.Kind, client.ObjectKey{Namespace: namespace, Name: ref.Name})
			for _, value := range obj.data {
				obj.size += len(value)
			}
		})
	}
	reads.Wait()
}

func readData(ctx context.Context, r Reader, kind string, key client.ObjectKey) (map[string]string, error) {
	switch kind {
	case "ConfigMap":
		var cm corev1.ConfigMap
		err := get(ctx, r, key, &cm)
		return cm.Data, err
	case "Secret":
		var secret corev1.Secret
		err := get(ctx, r, key, &secret)
		data := make(map[string]string, len(secret.Data))
		for k, v := range secret.Data {
			data[k] = string(v)
		}
		return data, err
	}
	return nil, &Unreadable{"a kind that Flux does not read values from"}
}

func get(ctx context.Context, r Reader, key client.ObjectKey, obj client.Object) error {
	if r == nil {
		return &Unreadable{"not read"}
	}
	return r.Get(ctx, key, obj)
}

// take keeps what was read, or why nothing was.
func (ref *reference) take(obj *object, create bool) {
	err := obj.err
	if some, ok := errors.AsType[UnreadableReferences](err); ok {
		err = nil
		if why, unread := some[ref.ValuesReference]; unread {
			err = &Unreadable{why}
		}
	}
	value, found := obj.data[ref.GetValuesKey()]
	missing := apierrors.IsNotFound(err) || err == nil && !found
	switch {
	case missing && ref.Optional && !create:
		ref.empty = true
	case err != nil:
		ref.unread = whyUnread(err)
	case missing:
		ref.unread = "has no such key"
	default:
		ref.data = value
	}
}

// whyUnread says in words why an object could not be read.
func whyUnread(err error) string {
	unreadable, ok := errors.AsType[*Unreadable](err)
	switch {
	case ok:
		return unreadable.Reason
	case apierrors.IsNotFound(err):
		return "not found"
	case apierrors.IsForbidden(err):
		return "not permitted to read"
	case errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err):
		return "not read in time"
	}
	return "could not be read"
}
