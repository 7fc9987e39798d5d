package monitoring_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dashboard runs every query over all that has happened. Each has to find something, and each label that a legend
// names has to be there.
func (r *run) dashboard(t *testing.T, c component) {
	var (
		queries []query
		titles  []string
		legends []string
	)
	// what Grafana fills in
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__range", fmt.Sprintf("%ds", int(r.now.Sub(r.start).Seconds())))
	for _, p := range c.panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s: no query", p.Title)
		}
		for _, target := range p.Targets {
			queries = append(queries, query{
				Expr: variables.Replace(target.Expr), Start: seconds(r.start), End: seconds(r.now), Step: (2 * time.Minute).Seconds(),
			})
			titles, legends = append(titles, p.Title), append(legends, target.LegendFormat)
		}
	}
	shown := map[string][]string{}
	for i, answer := range r.ask(t, queries) {
		lines := 0
		for _, s := range answer.Series {
			if !slices.ContainsFunc(s.Points, func(p point) bool { return p.Value != "NaN" }) {
				continue
			}
			lines++
			shown[titles[i]] = append(shown[titles[i]], legend(t, legends[i], s.Labels))
		}
		if lines == 0 {
			t.Errorf("%s: nothing to show for %s", titles[i], queries[i].Expr)
		}
	}
	for title, want := range map[string][]string{
		"Reviews by verdict": {
			"ConfigMap: deny", "ConfigMap: not-judged", "ConfigMap: not-spegel", "DaemonSet: deny", "HelmRelease: deny", "HelmRelease: pass", "HelmRelease: unresolved",
			"Secret: deny", "Secret: not-judged", // from the start
		},
		"Findings by rule":                          {"empty-mirror-list (deny)", "legacy-registries-key (deny)"},
		"Failed calls, as the API server sees them": {"calling_webhook_error", "no_error"},
		"Policy file and bad requests":              {"bad requests", "policy loaded", "policy refused"},
		"Memory":                                    {"spegel-guard-0", "spegel-guard-1", "spegel-guard-2"},
	} {
		got := shown[title]
		slices.Sort(got)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
	}
}

var placeholder = regexp.MustCompile(`{{(\w+)}}`)

// legend fills in a legend as Grafana does.
func legend(t *testing.T, format string, labels map[string]string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(format, func(label string) string {
		value, ok := labels[strings.Trim(label, "{}")]
		if !ok {
			t.Errorf("%s: no such label in %v", format, labels)
		}
		return value
	})
}
