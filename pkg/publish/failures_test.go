package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/spegel-guard/spegel-guard/pkg/publish"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// What fails for every release is told a few times, and counted.
func TestErrorsAreSummed(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "wgpolicyk8s.io", Resource: "policyreports"}
	refused := api(t, interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewForbidden(resource, "", nil)
	}})
	var many []report.Release
	for i := range 500 {
		rel := bad()
		rel.Name = fmt.Sprintf("bad-%03d", i)
		many = append(many, rel)
	}
	reports := publish.PolicyReports(t.Context(), refused, judged(many...), "", noon)
	events := publish.Events(t.Context(), refused, judged(many...), "", noon)
	for want, err := range map[string]error{
		"and 497 more PolicyReports could not be written or removed": reports,
		"and 1497 more Events could not be written or removed":       events, // three of each
	} {
		if !apierrors.IsForbidden(err) || strings.Count(err.Error(), "\n") != 3 || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v; want %q at the end of three", err, want)
		}
	}
}

// A namespace that is being deleted takes no new objects. The others get theirs.
func TestNamespacesThatAreBeingDeleted(t *testing.T) {
	t.Parallel()
	terminating := apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "x", errors.New("it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	c := api(t, interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		if o.GetNamespace() == "leaving" {
			return terminating
		}
		return c.Create(ctx, o, opts...)
	}})
	rep := judged(bad(), bad())
	rep.Releases[0].Namespace, rep.Releases[0].UID = "leaving", "uid-leaving"
	if err := publish.Events(t.Context(), c, rep, "", noon); err != nil || len(events(t, c)) != 3 {
		t.Errorf("%v, and %d Events; want those of the other", err, len(events(t, c)))
	}
	if err := publish.PolicyReports(t.Context(), c, rep, "", noon); err != nil || len(policyReports(t, c)) != 1 {
		t.Errorf("%v, and %q", err, policyReports(t, c))
	}
}
