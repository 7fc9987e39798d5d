package manifests_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/spegel-guard/spegel-guard/test/e2e/celpolicy"
)

func TestCELPoliciesSaysWhatTheWebhookSays(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	cases, err := celpolicy.Corpus("../pkg")
	if err != nil {
		t.Fatal(err)
	}
	differ := celpolicy.Differences()
	for _, c := range cases {
		delete(differ, c.Name)
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			said, err := policies.review(t.Context(), c.Release, c.PrivateRegistries...)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(c.Check(said.denied), c.CheckWarnings(said.warnings)); err != nil {
				t.Error(err)
			}
		})
	}
	for name := range differ {
		t.Errorf("no case %s; the list of differences has it", name)
	}
}

// Of what is generated, the CEL policies may admit what lies in references. It must never deny what the webhook admits, and
// without references both say the same.
func TestCELPoliciesNeverDeniesWhatTheWebhookAdmits(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	seeds, denied, sameRules := 2000, 0, 0
	if testing.Short() {
		seeds = 120
	}
	for seed := range uint64(seeds) {
		c, err := celpolicy.Generate(seed)
		if err != nil {
			t.Fatal(err)
		}
		said, err := policies.review(t.Context(), c.Release, c.PrivateRegistries...)
		if err != nil {
			t.Fatalf("%s: %v\n%v", c.Name, err, c.Release)
		}
		spec := c.Release["spec"].(map[string]any)
		if spec["valuesFrom"] != nil && said.denied == "" {
			continue
		}
		if err := c.Check(said.denied); err != nil && (said.denied != "" || !onlyTheWebhookReads(spec)) {
			t.Errorf("%s: %v\n%v", c.Name, err, spec)
		}
		if rules := slices.Sorted(celpolicy.RulesOf(said.denied)); said.denied != "" {
			denied++
			if slices.Equal(slices.Compact(rules), c.Rules) {
				sameRules++
			}
		}
	}
	if denied < seeds/4 || sameRules*6 < denied*5 {
		t.Errorf("%d denials of %d, %d for the same rules as the webhook's; want a quarter, and five of six alike", denied, seeds, sameRules)
	}
}

// onlyTheWebhookReads reports whether a list holds a spelling of a host that needs more than CEL has, or a source would say
// which chart the values are of.
func onlyTheWebhookReads(spec map[string]any) bool {
	spegel, _ := spec["values"].(map[string]any)["spegel"].(map[string]any)
	if _, wrapped := spegel["spegel"].(map[string]any); wrapped && spec["chartRef"] != nil {
		return true
	}
	list, _ := spegel["mirroredRegistries"].([]any)
	return slices.ContainsFunc(list, func(e any) bool {
		s, _ := e.(string)
		return strings.ContainsAny(s, "ü,%#")
	})
}

// An expression that errors leaves the release unjudged.
func TestCELPoliciesNeverErrors(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	metadata := []map[string]any{{"name": "podinfo"}, {"name": "spegel"}, {}, {"name": "spegel", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
	webhook := compile(entry(t, render(t, "."), failsClosed))
	every, judged := 1, 0
	if testing.Short() {
		every = 7 // no divisor of a number of shapes, so each meets each
	}
	for i, spec := range append(specs(), nil) {
		if i%every > 0 {
			continue
		}
		object := map[string]any{"metadata": metadata[i%len(metadata)]}
		if spec != nil {
			object["spec"] = spec
		}
		said, err := policies.review(t.Context(), object, "harbor.example.com")
		if err != nil {
			t.Fatalf("%v: %v", object, err)
		}
		if said.denied == "" && len(said.warnings) == 0 {
			continue
		}
		judged++
		if called := match(t.Context(), webhook, object, nil); !called.Matches {
			t.Errorf("%v: judged here, while the webhook is not even called: %s", object, said.denied)
		}
	}
	if judged < 1000/every {
		t.Errorf("%d releases judged, want many", judged)
	}
}

// list is a release of Spegel with this list.
func list(entries ...any) map[string]any {
	return map[string]any{"metadata": map[string]any{"name": "spegel"}, "spec": map[string]any{
		"chart":  map[string]any{"spec": map[string]any{"chart": "spegel"}},
		"values": map[string]any{"spegel": map[string]any{"mirroredRegistries": entries}},
	}}
}

// The API server gives up on what costs too much, and the release is admitted. The longest list that is judged entry by entry
// stays below that, and in a longer one a wildcard is found all the same.
func TestCELPoliciesJudgesLongLists(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	var private []string
	for i := range 50 {
		private = append(private, fmt.Sprintf("harbor%d.example.com:8443", i), fmt.Sprintf("*.internal%d.example.com", i))
	}
	for name, entry := range map[string]string{
		"good":      "https://mirror%d.example.com",
		"odd":       "https://Mirror%d.example.com",
		"malformed": "mirror%d.example.com/library",
		"private":   "https://mirror%d.internal49.example.com:8443",
		"long":      "HTTPS://" + strings.Repeat("x", 250) + "%d",
		"too long":  "HTTPS://" + strings.Repeat("x", 2800) + "%d",
	} {
		for _, length := range []int{250, 10_000} {
			if len(entry)*length > 3<<20 {
				continue // no request is that large
			}
			t.Run(fmt.Sprint(name, " ", length), func(t *testing.T) {
				t.Parallel()
				entries := make([]any, 0, length)
				for i := range length - 1 {
					entries = append(entries, fmt.Sprintf(entry, i))
				}
				said, err := policies.review(t.Context(), list(append(entries, "*")...), private...)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(said.denied, fmt.Sprintf("[%d]: \"*\" stands for every registry", length-1)) {
					t.Errorf("the last entry was not judged: %s", said.denied)
				}
				if said.cost > celconfig.RuntimeCELCostBudget/2 {
					t.Errorf("%d of %d cost units", said.cost, celconfig.RuntimeCELCostBudget)
				}
				t.Logf("%d of %d cost units", said.cost, celconfig.RuntimeCELCostBudget)
			})
		}
	}
}

// How many private registries can be compared with how many entries, as the guide says.
func TestCELPoliciesJudgesManyPrivateRegistries(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	for _, test := range []struct {
		line           string
		lines, entries int
		judged         bool
	}{
		{"*.r%d.example.com", 200, 250, true},
		{"*.r%d.example.com", 1000, 50, true},
		{"*.r%d.example.com", 400, 250, false}, // the API server gives up, and the release is admitted
		{"r%d.example.com", 800, 250, true},
	} {
		private := []string{"harbor.example.com"}
		for i := range test.lines - 1 {
			private = append(private, fmt.Sprintf(test.line, i))
		}
		entries := []any{"https://harbor.example.com"}
		for i := range test.entries - 1 {
			entries = append(entries, fmt.Sprintf("https://mirror%d.example.com", i))
		}
		said, err := policies.review(t.Context(), list(entries...), private...)
		if judged := err == nil && strings.Contains(said.denied, "[private-registry-mirrored]"); judged != test.judged {
			t.Errorf("%d lines %s, %d entries: judged %t (%v), want %t", test.lines, test.line, test.entries, judged, err, test.judged)
		}
	}
}

// BenchmarkCELPolicies is what the API server spends on a good release, with the CEL of the oldest Kubernetes.
func BenchmarkCELPolicies(b *testing.B) {
	policies := newCELPolicies(b)
	object := list("https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io")
	b.ReportAllocs()
	for b.Loop() {
		if said, err := policies.review(b.Context(), object, "registry.example.ts.net", "harbor.example.com:8443", "*.internal.example.com"); err != nil || said.denied != "" {
			b.Fatal(said, err)
		}
	}
}
