package validate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// What no fixture can hold: values as other decoders and callers make them.
func TestValuesOfEveryGoType(t *testing.T) {
	t.Parallel()
	list := func(v any) any { return map[string]any{"spegel": map[string]any{"mirroredRegistries": v}} }
	const empty = `empty, so Spegel answers for every registry, the private ones included, and their pulls may fail with "not found"`
	const unset = `not set, so Spegel answers for every registry, the private ones included, and their pulls may fail with "not found"`
	for name, c := range map[string]struct {
		values any
		want   []string // path and message of each finding
	}{
		"nil is no values":           {nil, []string{"spegel.mirroredRegistries: " + unset}},
		"a nil map is an empty map":  {map[string]any(nil), []string{"spegel.mirroredRegistries: " + unset}},
		"spegel is a nil map":        {map[string]any{"spegel": map[string]any(nil)}, []string{"spegel.mirroredRegistries: " + unset}},
		"a nil list is an empty one": {list([]any(nil)), []string{"spegel.mirroredRegistries: " + empty}},
		"zero as int":                {list(0), []string{"spegel.mirroredRegistries: " + empty, "spegel.mirroredRegistries: is a number, not a list"}},
		"zero as int64":              {list(int64(0)), []string{"spegel.mirroredRegistries: " + empty, "spegel.mirroredRegistries: is a number, not a list"}},
		"zero as float64":            {list(0.0), []string{"spegel.mirroredRegistries: " + empty, "spegel.mirroredRegistries: is a number, not a list"}},
		"a json.Number is a string to a template": {
			list(json.Number("0")), []string{"spegel.mirroredRegistries: is a number, not a list"},
		},
		"one as int64": {list(int64(1)), []string{"spegel.mirroredRegistries: is a number, not a list"}},
		"a float64 entry": {
			list([]any{1.5}), []string{"spegel.mirroredRegistries[0]: is a number, not a string, so Spegel does not start"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			found, _ := validate.Validate(validate.Input{Values: c.values}, validate.Policy{})
			for _, f := range found {
				got = append(got, f.Path.String()+": "+f.Text())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPolicyTurnsEachRuleIntoAWarningOrOff(t *testing.T) {
	t.Parallel()
	policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com"), Severities: map[string]validate.Severity{}}
	for _, r := range validate.Rules() {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			for _, severity := range []validate.Severity{validate.Deny, validate.Warn, validate.Off} {
				p := policy
				p.Severities = map[string]validate.Severity{r.ID: severity}
				found := 0
				findings, _ := validate.Validate(validate.Input{Values: decode(t, r.Bad)}, p)
				for _, f := range findings {
					if f.Rule != r.ID {
						continue
					}
					found++
					if f.Severity != severity {
						t.Errorf("severity %s gives a finding with %s", severity, f.Severity)
					}
				}
				if off := severity == validate.Off; off != (found == 0) {
					t.Errorf("severity %s gives %d findings", severity, found)
				}
			}
		})
	}
}

func TestAVersionOfTheChartIsShownInOneShortLine(t *testing.T) {
	t.Parallel()
	version := "0.0.1-" + strings.Repeat("immutable.", 20) + "x" // semver takes 256 bytes
	values := decode(t, "spegel: {registries: [a]}")
	found, _ := validate.Validate(validate.Input{Values: values, ChartVersion: version}, validate.Policy{})
	want := "rename it to mirroredRegistries when the chart is upgraded from " + version[:64] + "..."
	if diff := cmp.Diff(want, found[0].Fix); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
