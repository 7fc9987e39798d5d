// Package pages reads lists of the Kubernetes API page by page, so that no more than a page is in memory.
// Of the project it may import nothing.
package pages

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Size is how many objects are asked for at a time. Objects are bounded by etcd to 1.5 MiB, and most take
// some ten KiB.
const Size = 100

// Lister lists objects, as a client.Reader does.
type Lister interface {
	List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error
}

// Each reads a list and hands on every page, each in an object of its own. When a page token has grown too
// old, the API server's error holds one to go on with: the rest of the list is then newer than its start,
// which does not matter where each object is looked at by itself. An error is the reader's or do's.
func Each[T any, L interface {
	*T
	client.ObjectList
}](ctx context.Context, r Lister, opts []client.ListOption, do func(L) error) error {
	next := ""
	for {
		list := L(new(T))
		err := r.List(ctx, list, append(slices.Clip(opts), client.Limit(Size), client.Continue(next))...)
		if token := freshToken(err); token != "" && token != next {
			next = token
			continue
		}
		if err != nil {
			return err
		}
		if err := do(list); err != nil {
			return err
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

func freshToken(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}
