package manifests_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/spegel-guard/spegel-guard/test/e2e/celpolicy"
)

// shortCut is the match condition that keeps the plainest good releases from all that follows.
const shortCut = "not-plainly-good"

// newCELPoliciesWithoutShortCut returns policies that judge every release in full.
func newCELPoliciesWithoutShortCut(t *testing.T) celPolicies {
	t.Helper()
	in := build(t, celPoliciesAlone, nil)
	full := func(name string) evaluator {
		policy := the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, name)
		before := len(policy.Spec.MatchConditions)
		policy.Spec.MatchConditions = slices.DeleteFunc(policy.Spec.MatchConditions, func(c admissionregistrationv1.MatchCondition) bool { return c.Name == shortCut })
		if len(policy.Spec.MatchConditions) != before-1 {
			t.Fatalf("%s has no match condition %s", name, shortCut)
		}
		return newEvaluator(t, policy)
	}
	return celPolicies{denies: full("spegel-guard"), warns: full("spegel-guard-warnings")}
}

// sorted puts the problems of each text in order: CEL walks the keys of a map in any. Cost is left out: it is what the short
// cut is for.
func (a answer) sorted() (texts []string) {
	for _, text := range append(a.warnings, a.denied) {
		texts = append(texts, strings.Join(slices.Sorted(strings.SplitSeq(text, " - ")), " - "))
	}
	return texts
}

// What stops at the short cut is what would have been found good.
func TestCELPoliciesShortCutHidesNothing(t *testing.T) {
	t.Parallel()
	short, full := newCELPolicies(t), newCELPoliciesWithoutShortCut(t)
	generated, stopped, spoke := 1500, 0, 0
	if testing.Short() {
		generated = 80
	}
	compare := func(t *testing.T, name string, object map[string]any, private ...string) {
		t.Helper()
		got, err := short.review(t.Context(), object, private...)
		if err != nil {
			t.Fatalf("%s: %v\n%v", name, err, object)
		}
		want, err := full.review(t.Context(), object, private...)
		if err != nil {
			t.Fatalf("%s: %v\n%v", name, err, object)
		}
		if diff := cmp.Diff(want.sorted(), got.sorted()); diff != "" {
			t.Errorf("%s (-in full +with the short cut):\n%s\n%v\n%q", name, diff, object, private)
		}
		if want.cost > 0 && got.cost == 0 {
			stopped++
		}
		if want.denied != "" || len(want.warnings) > 0 {
			spoke++
		}
	}
	cases, err := celpolicy.Corpus("../pkg")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(generated / 5) {
		c, err := celpolicy.Generate(seed)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	for _, c := range cases {
		compare(t, c.Name, c.Release, c.PrivateRegistries...)
	}
	for seed := range uint64(generated) {
		object, private := nearlyGood(seed)
		compare(t, fmt.Sprint("nearly good ", seed), object, private...)
	}
	if stopped < generated/8 || spoke < generated/3 {
		t.Errorf("%d releases stopped and %d were refused or warned of, want many of both", stopped, spoke)
	}
}

// nearlyGood makes releases that the short cut takes, and such that differ from them by little: where hosts and lines share
// a part, keys look alike, or a value has another type.
func nearlyGood(seed uint64) (object map[string]any, private []string) {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	rarely := func(m map[string]any, keys ...string) {
		for _, k := range keys {
			if r.IntN(25) == 0 {
				m[k] = []any{nil, "x", true}[r.IntN(3)]
			}
		}
	}
	var entries []any
	for range 1 + r.IntN(3) {
		entries = append(entries, pick("https://", "https://", "https://", "https://", "http://")+
			pick("docker.io", "ghcr.io", "quay.io", "harbor.example.com", "harbor.example.com.", "a.internal.example.com", "internal.example.com", "10.0.0.1", "a..", "..", "_default")+
			pick("", "", "", ":443", ":80", ":8443", ":08443"))
	}
	object = list(entries...)
	spec := object["spec"].(map[string]any)
	values := spec["values"].(map[string]any)
	rarely(values, "registries", "Mirrored-Registry_", "MIRROR_REGISTRIES", "r-e-g-istries", "memory", "retries", "rſgistries")
	rarely(values["spegel"].(map[string]any), "registries", "mirror-registry", "appendMirrors", "additionalMirrorRegistries", "mirrorResolveRetries")
	if r.IntN(6) == 0 {
		spec["suspend"] = true
	}
	if r.IntN(10) == 0 {
		spec["valuesFrom"] = []any{map[string]any{"kind": "ConfigMap", "name": "x", "targetPath": "a.b"}}
	}
	for range r.IntN(3) {
		private = append(private, pick("", " ", "#", "  # docker.io", "docker.io", "DOCKER.IO", " harbor.example.com ", "harbor.example.com:8443", "harbor.example.com_8443_", "harbor.example.com:08443",
			"*.internal.example.com", "*.example.com:80", "10.0.0.1:443", "::1", "[::1]:80", "https://docker.io", "docker.io/library", "é", "\tquay.io", "quay.io\r", "io"))
	}
	return object, private
}

// A good release costs no more than the match conditions; one entry that might be private is judged.
func TestCELPoliciesStopsEarly(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	private := []string{"# ours", "registry.example.ts.net", "harbor.example.com:8443", "*.internal.example.com", ""}
	for name, test := range map[string]struct {
		entry  string
		judged bool
	}{
		"good":                           {"https://registry.k8s.io", false},
		"the private registry":           {"https://registry.example.ts.net", true},
		"a private domain, not below it": {"https://internal.example.com", true},
		"no URL":                         {"registry.k8s.io", true},
	} {
		said, err := policies.review(t.Context(), list("https://docker.io", test.entry), private...)
		if err != nil {
			t.Fatal(err)
		}
		if judged := said.cost > 0; judged != test.judged {
			t.Errorf("%s: judged in full: %t, want %t", name, judged, test.judged)
		}
	}
}

// A match condition that costs too much errs, and the release is admitted. The most expensive that the short cut looks at stays below
// what the API server grants.
func TestCELPoliciesShortCutStaysWithinItsBudget(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	var entries []any
	for i := range 20 {
		entries = append(entries, fmt.Sprintf("https://%0200d:65535", i))
	}
	judged := func(entries []any, text string) bool {
		said, err := policies.review(t.Context(), list(entries...), text)
		if err != nil || said.denied != "" {
			t.Errorf("%d entries, %d characters: %v, %v", len(entries), len(text), said, err)
		}
		return said.cost > 0
	}
	for name, text := range map[string]string{
		"many lines": strings.Repeat("b\n", 500), "a long line": strings.Repeat("b", 1000), "comments": strings.Repeat("#\n", 500), "no lines": strings.Repeat("\n", 1000),
	} {
		if judged(entries, text) {
			t.Errorf("%s: not stopped at the short cut", name)
		}
	}
	if !judged(entries, strings.Repeat("#\n", 501)) || !judged(append(entries, entries[0]), "") {
		t.Error("more than the limits is not judged in full")
	}
}
