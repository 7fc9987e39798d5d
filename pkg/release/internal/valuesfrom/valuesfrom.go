// Package valuesfrom reads what spec.valuesFrom of a HelmRelease names, and bounds what that costs.
//
// In come a HelmRelease and a reader of objects; out goes for each entry its text, or why there is none. It must never parse a text, nor
// list or watch anything. Of the project it may import nothing.
package valuesfrom

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

// Entry is an entry of spec.valuesFrom and what was read for it.
type Entry struct {
	helmv2.ValuesReference

	Text   string
	Found  bool   // there is a text
	Unread string // why there is none; empty too if the entry is optional and missing for good
}

// Read reads what a HelmRelease names, as far as the limits go; create says that it does not exist yet. An object is read once,
// however many entries name it.
func Read(ctx context.Context, r Reader, hr *helmv2.HelmRelease, create bool) (entries []Entry) {
	if len(hr.Spec.ValuesFrom) == 0 {
		return nil
	}
	type name struct{ kind, name string }
	objects, left := map[name]object{}, MaxSize
	if hr.Spec.Values != nil {
		left -= NodeSize * nodes(string(hr.Spec.Values.Raw))
	}
	for i, ref := range hr.Spec.ValuesFrom {
		e := Entry{ValuesReference: ref, Unread: "not read, as there is too much beside it"}
		if left >= 0 && i < MaxReferences {
			named := name{ref.Kind, ref.Name}
			obj, again := objects[named]
			if !again {
				obj = read(ctx, r, ref.Kind, client.ObjectKey{Namespace: hr.Namespace, Name: ref.Name})
				objects[named] = obj
			}
			e.Text, e.Found, e.Unread = obj.text(ref, create)
			cost := e.size()
			if cost > left {
				e.Found, e.Unread = false, "is too large"
			}
			if !again {
				cost = max(cost, obj.size)
			}
			left -= cost
		}
		entries = append(entries, e)
	}
	return entries
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
		obj.err = Get(ctx, r, key, &cm)
		obj.data = cm.Data
	case "Secret":
		var secret corev1.Secret
		obj.err = Get(ctx, r, key, &secret)
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

// Get reads an object. Nobody reads any without a reader.
func Get(ctx context.Context, r Reader, key client.ObjectKey, obj client.Object) error {
	if r == nil {
		return &Unreadable{Reason: "not read"}
	}
	return r.Get(ctx, key, obj)
}

// text is what a reference to the object holds, or why that is not known.
func (obj object) text(ref helmv2.ValuesReference, create bool) (text string, found bool, unread string) {
	err := obj.err
	if some, ok := errors.AsType[*Unreadable](err); ok && some.Keys != nil {
		err = nil
		if reason, unread := some.Keys[ref.GetValuesKey()]; unread {
			err = &Unreadable{Reason: reason}
		}
	}
	text, found = obj.data[ref.GetValuesKey()]
	missing := apierrors.IsNotFound(err) || err == nil && !found
	switch {
	case missing && ref.Optional && !create:
		return "", false, ""
	case err != nil:
		return "", false, Reason(err)
	case missing:
		return "", false, "has no such key"
	}
	return text, true, ""
}

// Reason says in words why an object could not be read.
func Reason(err error) string {
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
