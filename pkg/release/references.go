package release

import (
	"context"
	"errors"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reader reads one object by name, as controller-runtime's client does: errors are those of the
// Kubernetes API, so a missing object is NotFound and one that may not be read is Forbidden.
type Reader interface {
	Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error
}

// Unreadable is an error of a Reader that says why an object can't be read, in words for a person.
type Unreadable struct {
	Reason string
	// Keys, if not nil, says that the object was read and filled in except for some of its keys, and why each of these was not.
	Keys map[string]string
}

// Error is the reason.
func (u *Unreadable) Error() string { return u.Reason }

// readReferences makes a layer of each entry of spec.valuesFrom, with the text that it holds, as far as the limits go. An object
// is read once, however many entries name it.
func (r *Release) readReferences(ctx context.Context, hr *helmv2.HelmRelease, o Options) {
	if len(hr.Spec.ValuesFrom) == 0 {
		return
	}
	objects, left := map[client.ObjectKey]object{}, maxSize
	if hr.Spec.Values != nil {
		left -= nodeSize * nodes(string(hr.Spec.Values.Raw))
	}
	for i, ref := range hr.Spec.ValuesFrom {
		at := Origin{Kind: ref.Kind, Namespace: hr.Namespace, Name: ref.Name, Key: ref.GetValuesKey(), Index: i}
		l, unread := layer{origin: at, ref: ref}, "not read, as there is too much beside it"
		if left >= 0 && i < maxReferences {
			name := client.ObjectKey{Namespace: ref.Kind, Name: ref.Name}
			obj, again := objects[name]
			if !again {
				obj = read(ctx, o.Reader, ref.Kind, client.ObjectKey{Namespace: hr.Namespace, Name: ref.Name})
				objects[name] = obj
			}
			unread = l.take(obj, o.Create)
			cost := l.size()
			if cost > left {
				l.found, unread = false, "is too large"
			}
			if !again {
				cost = max(cost, obj.size)
			}
			left -= cost
		}
		r.refs = append(r.refs, l)
		r.unknown = append(r.unknown, Reference{Kind: at.Kind, Namespace: at.Namespace, Name: at.Name, Key: at.Key, Reason: unread})
	}
}

// object is what was read of a ConfigMap or a Secret.
type object struct {
	data map[string]string
	size int // in bytes
	err  error
}

func read(ctx context.Context, r Reader, kind string, key client.ObjectKey) (obj object) {
	switch kind {
	case "ConfigMap":
		var cm corev1.ConfigMap
		obj.err = get(ctx, r, key, &cm)
		obj.data = cm.Data
	case "Secret":
		var secret corev1.Secret
		obj.err = get(ctx, r, key, &secret)
		obj.data = make(map[string]string, len(secret.Data))
		for k, v := range secret.Data {
			obj.data[k] = string(v)
		}
	default:
		obj.err = &Unreadable{Reason: "a kind that Flux does not read values from"}
	}
	for _, value := range obj.data {
		obj.size += len(value)
	}
	return obj
}

func get(ctx context.Context, r Reader, key client.ObjectKey, obj client.Object) error {
	if r == nil {
		return &Unreadable{Reason: "not read"}
	}
	return r.Get(ctx, key, obj)
}

// take keeps what was read for a reference, or says why nothing was. Neither is there for one that is optional and missing for good.
func (l *layer) take(obj object, create bool) (unread string) {
	err := obj.err
	if some, ok := errors.AsType[*Unreadable](err); ok && some.Keys != nil {
		err = nil
		if reason, unread := some.Keys[l.ref.GetValuesKey()]; unread {
			err = &Unreadable{Reason: reason}
		}
	}
	text, found := obj.data[l.ref.GetValuesKey()]
	missing := apierrors.IsNotFound(err) || err == nil && !found
	switch {
	case missing && l.ref.Optional && !create:
	case err != nil:
		return whyUnread(err)
	case missing:
		return "has no such key"
	default:
		l.text, l.found = text, true
	}
	return ""
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
