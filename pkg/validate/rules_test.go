package validate_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func TestTheExamplesOfEveryRuleShowItAndNothingElse(t *testing.T) {
	t.Parallel()
	policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com")}
	for _, r := range validate.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			broken := false
			bad, _ := validate.Validate(validate.Input{Values: decode(t, r.Bad)}, policy)
			for _, f := range bad {
				broken = broken || f.Rule == r.ID
				// Without a list beside it the dead key leaves none; with one it does no harm.
				if f.Rule != r.ID && f.Severity == validate.Deny && r.ID != "legacy-registries-key" {
					t.Errorf("the bad example breaks rule %s too: %s", f.Rule, f.Text())
				}
				if f.Rule == r.ID && f.Effect != r.Effect {
					t.Errorf("the finding has effect %d, the rule %d", f.Effect, r.Effect)
				}
			}
			if !broken {
				t.Error("the bad example does not break the rule")
			}
			good, _ := validate.Validate(validate.Input{Values: decode(t, r.Good)}, policy)
			for _, f := range good {
				t.Errorf("the good example breaks rule %s: %s", f.Rule, f.Text())
			}
		})
	}
}

func TestEveryRuleIsDocumented(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, r := range validate.Rules() {
		if ids[r.ID] || r.Default != validate.Deny && r.Default != validate.Warn {
			t.Errorf("rule %q: its id is taken, or its default %q is neither deny nor warn", r.ID, r.Default)
		}
		ids[r.ID] = true
		for name, text := range map[string]string{
			"id": r.ID, "title": r.Title, "why": r.Why, "reads": r.Reads, "limits": r.Limits, "fix": r.Fix, "bad": r.Bad, "good": r.Good,
		} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("rule %q has no %s", r.ID, name)
			}
			if !isASCII(text) {
				t.Errorf("rule %s: its %s is not ASCII: %q", r.ID, name, text)
			}
		}
		for name, text := range map[string]string{"title": r.Title, "why": r.Why, "reads": r.Reads, "limits": r.Limits, "fix": r.Fix} {
			if strings.Contains(text, "\n") {
				t.Errorf("rule %s: its %s is longer than a line", r.ID, name)
			}
		}
	}
}

func TestRulesHaveTheDefaultsThatTheDocumentationPromises(t *testing.T) {
	t.Parallel()
	want := []struct {
		id        string
		byDefault validate.Severity
	}{
		{"legacy-registries-key", validate.Deny},
		{"empty-mirror-list", validate.Deny},
		{"wildcard-mirror", validate.Deny},
		{"private-registry-mirrored", validate.Deny},
		{"invalid-mirror-url", validate.Deny},
		{"misplaced-registries-key", validate.Warn},
		{"renamed-key", validate.Warn},
		{"ineffective-mirror", validate.Warn},
	}
	rules := validate.Rules()
	if len(rules) != len(want) {
		t.Fatalf("%d rules, want %d", len(rules), len(want))
	}
	for i, w := range want {
		if rules[i].ID != w.id || rules[i].Default != w.byDefault {
			t.Errorf("rule %d is %s (%s), want %s (%s)", i, rules[i].ID, rules[i].Default, w.id, w.byDefault)
		}
	}
}

func TestWhoChangesTheListOfRulesChangesACopy(t *testing.T) {
	t.Parallel()
	validate.Rules()[0].ID = "changed"
	if id := validate.Rules()[0].ID; id != "legacy-registries-key" {
		t.Errorf("the first rule is now %s", id)
	}
}

func decode(tb testing.TB, text string) any {
	tb.Helper()
	var values any
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		tb.Fatal(err)
	}
	return values
}

// isASCII reports whether a text holds printable ASCII and line breaks only.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') })
}

// A list of a million entries fits into an object, and nobody reads a million findings. No rule hides another's.
func TestAThousandFindingsOfARuleAreTold(t *testing.T) {
	t.Parallel()
	entries := make([]any, 5000)
	for i := range entries {
		entries[i] = "x"
	}
	entries[4999] = "*"
	values := map[string]any{"spegel": map[string]any{"mirroredRegistries": entries}}
	count := map[string]int{}
	found, _ := validate.Validate(validate.Input{Values: values}, validate.Policy{})
	for _, f := range found {
		count[f.Rule]++
	}
	if count["invalid-mirror-url"] != 1000 || count["wildcard-mirror"] != 1 {
		t.Errorf("found %v; want 1000 of invalid-mirror-url and 1 of wildcard-mirror", count)
	}
}
