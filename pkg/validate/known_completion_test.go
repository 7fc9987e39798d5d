package validate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Whatever unknown nodes turn out to be: what was found stays, and nothing is denied that was not undecided. Completions leave
// out what Validate gives up.
func TestNoCompletionContradictsWhatIsKnown(t *testing.T) {
	t.Parallel()
	policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com", "*.internal.example.com", "reg.example.com:8443", "index.docker.io")}
	decided, open := 0, 0
	for seed := range uint64(15_000) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		values := g.unread(g.values(), 0)
		in := validate.Input{Values: values, OwnChart: true, ChartVersion: pick(g, "", "0.7.4", "0.0.28")}
		sure, undecided := validate.Validate(in, policy)
		if len(undecided) == 0 {
			decided++
		} else {
			open++
		}
		for range 4 {
			in.Values = g.complete(values)
			findings, more := validate.Validate(in, policy)
			says := func() string { return fmt.Sprintf("seed %d, %#v\ncompleted as %#v", seed, values, in.Values) }
			if len(more) > 0 {
				t.Fatalf("%s\nundecided, and all is known", says())
			}
			for _, f := range sure {
				if !slices.ContainsFunc(findings, func(g validate.Finding) bool { return same(f, g) }) {
					t.Fatalf("%s\nnot found any more: %s %s [%s]", says(), f.Path, f.Text(), f.Rule)
				}
			}
			for _, f := range findings {
				if len(undecided) == 0 && f.Severity == validate.Deny && !slices.ContainsFunc(sure, func(g validate.Finding) bool { return same(f, g) }) {
					t.Fatalf("%s\nnothing was undecided, and is denied: %s %s [%s]", says(), f.Path, f.Text(), f.Rule)
				}
			}
		}
	}
	if decided < 2_000 || open < 2_000 {
		t.Errorf("%d values are decided and %d are not, want thousands of both", decided, open)
	}
}

func same(a, b validate.Finding) bool { return a.Rule == b.Rule && a.Path.String() == b.Path.String() }

// unread puts unknown and open nodes into values.
func (g generator) unread(v any, depth int) any {
	if depth > 0 && g.chance(6) {
		return certainty.Unknown{Reasons: []int{g.IntN(3)}}
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range []string{"mirroredRegistries", "registries", "additionalMirrorTargets", "spegel", "a", "containerdMirrorAdd", "appendMirrors"} {
			if child, ok := v[key]; ok {
				out[key] = g.unread(child, depth+1)
			}
		}
		if g.chance(20) {
			return certainty.Open{Known: out, Reasons: []int{g.IntN(3)}}
		}
		return out
	case []any:
		out := []any{}
		for _, child := range v {
			out = append(out, g.unread(child, depth+1))
		}
		return out
	}
	return v
}

// absent is what an unknown node may be too.
type absent struct{}

// complete says what the unknown nodes are.
func (g generator) complete(v any) any {
	switch v := v.(type) {
	case certainty.Unknown:
		return pick[any](g, absent{}, nil, "x", 0, true, g.list(), g.list(), []any{}, map[string]any{"mirroredRegistries": g.list()}, map[string]any{})
	case certainty.Open:
		out := g.completed(v.Known)
		for _, key := range []string{"mirroredRegistries", "registries", "appendMirrors", "mirror-registries", "a", "other"} {
			if _, known := v.Known[key]; !known && g.chance(25) {
				out[key] = g.list()
			}
		}
		if _, known := v.Known["spegel"]; !known && g.chance(25) && v.Known["mirroredRegistries"] == nil && v.Known["registries"] == nil {
			out["other"] = g.spegel()
		}
		return out
	case map[string]any:
		return g.completed(v)
	case []any:
		out := []any{}
		for _, child := range v {
			if child = g.complete(child); child == any(absent{}) {
				child = nil
			}
			out = append(out, child)
		}
		return out
	}
	return v
}

func (g generator) completed(m map[string]any) map[string]any {
	out := map[string]any{}
	for _, key := range []string{"mirroredRegistries", "registries", "additionalMirrorTargets", "spegel", "a", "containerdMirrorAdd", "appendMirrors"} {
		child, ok := m[key]
		if !ok {
			continue
		}
		if _, unknown := child.(certainty.Unknown); unknown && key == "containerdMirrorAdd" {
			continue // taken as the chart's default
		}
		if child = g.complete(child); child != any(absent{}) {
			out[key] = child
		}
	}
	return out
}
