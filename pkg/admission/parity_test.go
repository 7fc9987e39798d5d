package admission_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestParity judges the corpus over HTTP, with the objects of a case in memory.
func TestParity(t *testing.T) {
	t.Parallel()
	cases, err := parity.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("the corpus is empty")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			pol, err := c.Policy()
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, pol, c.Reader())
			resp := s.ask(t, review(t, admissionv1.Create, c.Release, nil))
			if err := c.Check(resp); err != nil {
				t.Error(err)
			}
			want := map[string]float64{c.Verdict: 1}
			if diff := cmp.Diff(want, s.count(t, "spegel_guard_reviews_total", "verdict")); diff != "" {
				t.Errorf("reviews by verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// count sums a counter by one of its labels, and leaves out what has not been counted.
func (s *server) count(t testing.TB, name, label string) map[string]float64 {
	t.Helper()
	counted := gather(t, s.metrics, name, label)
	maps.DeleteFunc(counted, func(_ string, n float64) bool { return n == 0 })
	return counted
}

// For Prometheus a counter that appears with its first event has not increased, and an alert would miss that one.
func TestWhatAlertsCountIsThereFromTheStart(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	admission.NewMetrics(registry, time.Now)
	for name, want := range map[string]map[string]float64{
		"spegel_guard_reviews_total verdict":            {"deny": 0, "not-judged": 0},
		"spegel_guard_reviews_total kind":               {"HelmRelease": 0, "ConfigMap": 0, "Secret": 0, "DaemonSet": 0},
		"spegel_guard_reviews_total operation":          {"CREATE": 0, "UPDATE": 0},
		"spegel_guard_reviews_total dry_run":            {"true": 0, "false": 0},
		"spegel_guard_unresolved_references_total kind": {"ConfigMap": 0, "Secret": 0, "other": 0},
	} {
		metric, label, _ := strings.Cut(name, " ")
		if diff := cmp.Diff(want, gather(t, registry, metric, label)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func gather(t testing.TB, g prometheus.Gatherer, name, label string) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					out[l.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	return out
}
