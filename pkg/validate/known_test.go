package validate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func TestWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	unknown := func(reasons ...int) any { return certainty.Unknown{Reasons: reasons} }
	open := func(known object, reasons ...int) any { return certainty.Open{Known: known, Reasons: reasons} }
	good := []any{"https://docker.io"}
	for name, c := range map[string]struct {
		values    any
		rules     map[string]validate.Severity
		found     []string // rule and path
		undecided []int
	}{
		"nothing is known": {values: unknown(2, 1), undecided: []int{1, 2}},
		"any key may be there": {
			values: open(nil, 1), undecided: []int{1},
		},
		"a list that is known to be good": {values: open(object{"spegel": open(object{"mirroredRegistries": good}, 0)}, 0)},
		"a list that is known to be null": {
			values:    object{"spegel": open(object{"mirroredRegistries": nil}, 0)},
			found:     []string{"empty-mirror-list spegel.mirroredRegistries"},
			undecided: []int{0}, // registries may be there
		},
		"a list that is known to be empty, and the dead key known to be absent": {
			values: object{"spegel": open(object{"mirroredRegistries": []any{}, "registries": nil}, 0)},
			found:  []string{"empty-mirror-list spegel.mirroredRegistries"},
		},
		"a dead key that is known, and any other may be there": {
			values:    object{"spegel": open(object{"registries": good}, 3)},
			found:     []string{"legacy-registries-key spegel.registries"},
			undecided: []int{3},
		},
		"a dead key that is not known beside a list": {
			values: object{"spegel": object{"mirroredRegistries": good, "registries": unknown(0)}},
		},
		"a dead key that is not known beside no list": {
			values:    object{"spegel": object{"registries": unknown(4)}},
			found:     []string{"empty-mirror-list spegel.mirroredRegistries"},
			undecided: []int{4},
		},
		"a list that is not known": {values: object{"spegel": object{"mirroredRegistries": unknown(7)}}, undecided: []int{7}},
		"spegel is not known":      {values: object{"spegel": unknown(7)}, undecided: []int{7}},
		"an entry that is not known beside bad ones": {
			values: object{"spegel": object{"mirroredRegistries": []any{"*", unknown(5), "x", unknown(5, 3)}}},
			found: []string{
				"wildcard-mirror spegel.mirroredRegistries[0]",
				"invalid-mirror-url spegel.mirroredRegistries[2]",
			},
			undecided: []int{3, 5},
		},
		"a map instead of a list, with keys that are not known": {
			values:    object{"spegel": object{"mirroredRegistries": open(object{"a": "*"}, 1)}},
			found:     []string{"wildcard-mirror spegel.mirroredRegistries", "invalid-mirror-url spegel.mirroredRegistries"},
			undecided: []int{1},
		},
		"a map instead of a list, with nothing known in it": {
			values:    object{"spegel": object{"mirroredRegistries": open(object{"a": nil}, 1)}},
			found:     []string{"invalid-mirror-url spegel.mirroredRegistries"},
			undecided: []int{1},
		},
		"keys that do nothing on a node, and are not known": {
			values: object{
				"registries": unknown(0),
				"spegel":     object{"mirroredRegistries": good, "appendMirrors": unknown(1), "mirrorRegistry": unknown(2)},
			},
		},
		"a rule that is off asks nothing": {
			values: object{"spegel": object{"mirroredRegistries": unknown(0)}},
			rules: map[string]validate.Severity{
				"empty-mirror-list": "off", "legacy-registries-key": "off", "wildcard-mirror": "off",
				"private-registry-mirrored": "off", "invalid-mirror-url": "off", "ineffective-mirror": "off",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com"), Severities: c.rules}
			findings, undecided := validate.Validate(validate.Input{Values: c.values}, policy)
			var found []string
			for _, f := range findings {
				found = append(found, f.Rule+" "+f.Path.String())
			}
			if diff := cmp.Diff(c.found, found); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.undecided, undecided); diff != "" {
				t.Errorf("undecided (-want +got):\n%s", diff)
			}
		})
	}
}

// No rule relies on another one to ask.
func TestEachRuleAboutEntriesAsksForWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"wildcard-mirror", "private-registry-mirrored", "invalid-mirror-url", "ineffective-mirror"} {
		policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com"), Severities: map[string]validate.Severity{}}
		for _, r := range validate.Rules() {
			if r.ID != rule {
				policy.Severities[r.ID] = validate.Off
			}
		}
		values := map[string]any{"spegel": map[string]any{"mirroredRegistries": []any{"https://docker.io", certainty.Unknown{Reasons: []int{3}}}}}
		if _, undecided := validate.Validate(validate.Input{Values: values}, policy); !cmp.Equal(undecided, []int{3}) {
			t.Errorf("%s: undecided for %v, want [3]", rule, undecided)
		}
	}
}
