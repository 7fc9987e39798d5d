package admission_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	cradmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// last is a reader after whose first answer the review has no time left.
type last struct {
	objects
	end context.CancelFunc
}

func (l last) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	defer l.end()
	return l.objects.Get(ctx, key, obj, opts...)
}

// A release costs up to a second, and a ConfigMap may be named by thousands: after the deadline none is judged any more.
func TestNoReleaseIsJudgedAfterTheDeadline(t *testing.T) {
	t.Parallel()
	const more = "  values: {spegel: {mirroredRegistries: [https://docker.io]}}"
	slow := naming(t, "spegel-1", more)
	slow["spec"].(map[string]any)["valuesFrom"] = []any{ //nolint:forcetypeassert // it was written so
		map[string]any{"kind": "ConfigMap", "name": "values"}, map[string]any{"kind": "ConfigMap", "name": "other"},
	}
	list := &releases{items: []map[string]any{naming(t, "spegel-0", more), slow, naming(t, "spegel-2", ""), naming(t, "spegel-3", "")}}
	ctx, cancel := context.WithCancel(t.Context())
	pol := newPolicy(t, "")
	h := &admission.Handler{
		Policy: func() *policy.Policy { return pol }, Reader: last{objects{"other": "{}"}, cancel}, Lister: list,
		Metrics: admission.NewMetrics(prometheus.NewRegistry(), time.Now), Log: slog.New(slog.DiscardHandler),
	}
	const bad = "spegel: {mirroredRegistries: [https://registry.example.ts.net]}" // which the first two replace
	resp := h.Handle(ctx, cradmission.Request{AdmissionRequest: *valuesReview(t, yamlOf(bad), nil)})
	want := []string{"not judged in full: 2 of 4 HelmReleases that use it were judged in time"}
	if !resp.Allowed || !cmp.Equal(resp.Warnings, want) {
		t.Errorf("allowed %t, warnings %q; want %q", resp.Allowed, resp.Warnings, want)
	}
}
