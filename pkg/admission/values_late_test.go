package admission_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
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

// lastPage is a lister after whose first page the review has no time left.
type lastPage struct {
	*releases
	end context.CancelFunc
}

func (l lastPage) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if l.pages.Load() > 0 {
		l.end()
	}
	return l.releases.List(ctx, list, opts...)
}

// What the first page has denies, whether or not there is time for the others.
func TestReleasesAreJudgedAsTheirPagesCome(t *testing.T) {
	t.Parallel()
	list := &releases{}
	for i := range 250 {
		list.items = append(list.items, naming(t, fmt.Sprintf("spegel-%d", i), ""))
	}
	ctx, cancel := context.WithCancel(t.Context())
	pol := newPolicy(t, "")
	h := &admission.Handler{
		Policy: func() *policy.Policy { return pol }, Reader: objects{}, Lister: lastPage{list, cancel},
		Metrics: admission.NewMetrics(prometheus.NewRegistry(), time.Now), Log: slog.New(slog.DiscardHandler),
	}
	resp := h.Handle(ctx, cradmission.Request{AdmissionRequest: *valuesReview(t, yamlOf("spegel: {mirroredRegistries: [https://registry.example.ts.net]}"), nil)})
	if first, _, _ := strings.Cut(resp.Result.Message, "\n"); resp.Allowed || !strings.HasSuffix(first, " in HelmRelease kube-system/spegel-0, kube-system/spegel-1, kube-system/spegel-2 and 97 more:") {
		t.Errorf("allowed %t: %s", resp.Allowed, first)
	}
	if want := "not judged in full: the HelmReleases that use it could not be listed: "; len(resp.Warnings) == 0 || !strings.HasPrefix(resp.Warnings[0], want) {
		t.Errorf("warnings %q, want %q", resp.Warnings, want)
	}
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
	want := []string{"not judged in full: 2 of 4 HelmReleases that use it were judged"}
	if !resp.Allowed || !cmp.Equal(resp.Warnings, want) {
		t.Errorf("allowed %t, warnings %q; want %q", resp.Allowed, resp.Warnings, want)
	}
}

// A release may have thousands of findings, and thousands of releases may name a ConfigMap: together they would take more memory than
// there is. So none is judged after those that have enough of them.
func TestNoReleaseIsJudgedAfterTooManyFindings(t *testing.T) {
	t.Parallel()
	list := &releases{}
	for i := range 8 {
		list.items = append(list.items, naming(t, fmt.Sprintf("spegel-%d", i), ""))
	}
	bad := "spegel: {mirroredRegistries: [" + strings.Repeat("registry.example.ts.net,", 1000) + "]}" // each is private, and no URL
	resp := serveAll(t, newPolicy(t, ""), objects{}, list).ask(t, valuesReview(t, yamlOf(bad), nil))
	if first, _, _ := strings.Cut(resp.Result.Message, "\n"); resp.Allowed || !strings.HasSuffix(first, "kube-system/spegel-0, kube-system/spegel-1, kube-system/spegel-2:") {
		t.Errorf("allowed %t: %s", resp.Allowed, first)
	}
	want := []string{"not judged in full: 3 of 8 HelmReleases that use it were judged"}
	if !cmp.Equal(resp.Warnings, want) {
		t.Errorf("warnings %q; want %q", resp.Warnings, want)
	}
}
