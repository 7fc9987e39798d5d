package release

import (
	"context"
	"errors"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
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

// readReferences reads what spec.valuesFrom names, as far as the limits go. What that leaves unread depends on sizes alone, not
// on which read is the quickest.
func readReferences(ctx context.Context, hr *helmv2.HelmRelease, o Options) []reference {
	if len(hr.Spec.ValuesFrom) == 0 {
		return nil
	}
	manyInline := hr.Spec.Values != nil && nodes(string(hr.Spec.Values.Raw)) > maxNodes
	read := objects{reader: o.Reader, namespace: hr.Namespace, byName: map[objectName]*object{}}
	left := budget{read: maxRead, data: maxData, listCost: maxListCost, nodes: maxNodes}
	refs := make([]reference, 0, len(hr.Spec.ValuesFrom))
	for i, vf := range hr.Spec.ValuesFrom {
		ref := reference{ValuesReference: vf, namespace: hr.Namespace}
		switch {
		case manyInline:
			ref.unread = "is not looked at beside so many inline values"
		case i >= maxReferences:
			ref.unread = "not read, as there are too many"
		case left.read < 0 || left.data < 0:
			ref.unread = "not read, as there is too much before it"
		default:
			obj := read.first(ctx, hr.Spec.ValuesFrom[i:min(len(hr.Spec.ValuesFrom), maxReferences)])
			ref.take(obj.data, obj.err, o.Create)
			left.spend(&ref, obj)
		}
		refs = append(refs, ref)
	}
	return refs
}

// take keeps what was read, or why nothing was.
func (ref *reference) take(data map[string]string, err error, create bool) {
	if some, ok := errors.AsType[UnreadableReferences](err); ok {
		err = nil
		if why, unread := some[ref.ValuesReference]; unread {
			err = &Unreadable{why}
		}
	}
	value, found := data[ref.GetValuesKey()]
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
	var unreadable *Unreadable
	switch {
	case apierrors.IsNotFound(err):
		return "not found"
	case apierrors.IsForbidden(err):
		return "not permitted to read"
	case errors.As(err, &unreadable):
		return unreadable.Reason
	case errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err):
		return "not read in time"
	}
	return "could not be read"
}

func (ref *reference) reference() Reference {
	return Reference{Kind: ref.Kind, Namespace: ref.namespace, Name: ref.Name, Key: ref.GetValuesKey(), Reason: ref.unread}
}
