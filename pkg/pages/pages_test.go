package pages_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/pages"
)

// server answers each page token with a page or an error, as the API server does.
type server struct {
	client.Reader
	pages map[string]any // *corev1.ConfigMapList or error
	asked []string
}

func (s *server) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	s.asked = append(s.asked, o.Namespace+"/"+o.Continue)
	if o.Limit != pages.Size {
		return errors.New("no limit")
	}
	switch answer := s.pages[o.Continue].(type) {
	case *corev1.ConfigMapList:
		answer.DeepCopyInto(list.(*corev1.ConfigMapList))
		return nil
	case error:
		return answer
	}
	return errors.New("no such token")
}

func page(next string, names ...string) *corev1.ConfigMapList {
	list := &corev1.ConfigMapList{ListMeta: metav1.ListMeta{Continue: next}}
	for _, name := range names {
		list.Items = append(list.Items, corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return list
}

func expired(next string) error {
	err := apierrors.NewResourceExpired("too old")
	err.ErrStatus.Continue = next
	return err
}

func TestEach(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	for name, test := range map[string]struct {
		pages       map[string]any
		seen, asked string
		err         string
	}{
		"all pages in their order": {
			pages: map[string]any{"": page("2", "a", "b"), "2": page("3", "c"), "3": page("")},
			seen:  "a b c", asked: "ns/ ns/2 ns/3",
		},
		"a token that has expired is replaced by the one of the error": {
			pages: map[string]any{"": page("2", "a"), "2": expired("2-new"), "2-new": page("", "b")},
			seen:  "a b", asked: "ns/ ns/2 ns/2-new",
		},
		"a new token that has expired too ends it": {
			pages: map[string]any{"": page("2", "a"), "2": expired("2")},
			seen:  "a", asked: "ns/ ns/2", err: "too old",
		},
		"an error of the API server ends it": {
			pages: map[string]any{"": page("2", "a"), "2": errors.New("refused")},
			seen:  "a", asked: "ns/ ns/2", err: "refused",
		},
		"an error of the caller ends it": {
			pages: map[string]any{"": page("2", "a", "stop"), "2": page("", "b")},
			seen:  "a stop", asked: "ns/", err: "full",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{pages: test.pages}
			var seen []string
			var lists []*corev1.ConfigMapList
			err := pages.Each(t.Context(), s, []client.ListOption{client.InNamespace("ns")}, func(list *corev1.ConfigMapList) error {
				if slices.Contains(lists, list) {
					t.Error("a page is handed on in the object of another")
				}
				lists = append(lists, list)
				for i := range list.Items {
					seen = append(seen, list.Items[i].Name)
				}
				if slices.Contains(seen, "stop") {
					return full
				}
				return nil
			})
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != test.err || strings.Join(seen, " ") != test.seen || strings.Join(s.asked, " ") != test.asked {
				t.Errorf("saw %q, asked %q, error %q\nwant %q, %q, %q", seen, s.asked, text, test.seen, test.asked, test.err)
			}
		})
	}
}
