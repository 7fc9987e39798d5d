package validate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// fixture is a file testdata/<rule>/pass-*.yaml, whose values do not break the rule, or fail-*.yaml,
// whose values do.
type fixture struct {
	Description       string                       `yaml:"description"` // a sentence
	ChartVersion      string                       `yaml:"chartVersion"`
	OwnChart          bool                         `yaml:"ownChart"`
	PrivateRegistries []string                     `yaml:"privateRegistries"`
	Severities        map[string]validate.Severity `yaml:"severities"`
	Values            any                          `yaml:"values"`
	Want              []want                       `yaml:"want"` // all findings, of this and other rules
}

// want is a finding. What is left out is not compared.
type want struct {
	Rule     string  `yaml:"rule"`
	Path     string  `yaml:"path"`
	Severity *string `yaml:"severity,omitempty"`
	Value    *string `yaml:"value,omitempty"`
	Message  *string `yaml:"message,omitempty"`
	Fix      *string `yaml:"fix,omitempty"`
}

func TestFixtures(t *testing.T) {
	t.Parallel()
	described := map[string]string{}
	for _, file := range fixtures(t, "*", "*") {
		f := readFixture(t, file)
		if other, ok := described[f.Description]; ok || f.Description == "" {
			t.Errorf("%s: its description %q is empty or that of %s", file, f.Description, other)
		}
		described[f.Description] = file
		rule := filepath.Base(filepath.Dir(file))
		t.Run(rule+": "+f.Description, func(t *testing.T) {
			t.Parallel()
			breaks := slices.ContainsFunc(f.Want, func(w want) bool { return w.Rule == rule })
			if fails := strings.HasPrefix(filepath.Base(file), "fail-"); fails != breaks {
				t.Errorf("%s: want holds a finding of %s: %v", file, rule, breaks)
			}
			for decoder, values := range map[string]any{"YAML": f.Values, "JSON": throughJSON(t, f.Values)} {
				found, _ := validate.Validate(validate.Input{Values: values, ChartVersion: f.ChartVersion, OwnChart: f.OwnChart}, f.policy(t))
				if diff := cmp.Diff(f.Want, compared(found, f.Want)); diff != "" {
					t.Errorf("%s, values from %s (-want +got):\n%s", file, decoder, diff)
				}
			}
		})
	}
}

func TestEveryRuleHasAPassingAndAFailingFixture(t *testing.T) {
	t.Parallel()
	rules := map[string]bool{}
	for _, r := range validate.Rules() {
		rules[r.ID] = true
		for _, kind := range []string{"pass-*", "fail-*"} {
			if len(fixtures(t, r.ID, kind)) == 0 {
				t.Errorf("rule %s has no fixture testdata/%s/%s.yaml", r.ID, r.ID, kind)
			}
		}
	}
	for _, file := range fixtures(t, "*", "*") {
		name := filepath.Base(file)
		if !rules[filepath.Base(filepath.Dir(file))] || !strings.HasPrefix(name, "pass-") && !strings.HasPrefix(name, "fail-") {
			t.Errorf("%s is no fixture of a rule", file)
		}
	}
}

func fixtures(tb testing.TB, rule, name string) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", rule, name+".yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

func readFixture(tb testing.TB, file string) fixture {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var f fixture
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return f
}

func (f fixture) policy(tb testing.TB) validate.Policy {
	tb.Helper()
	return validate.Policy{PrivateRegistries: registries(tb, f.PrivateRegistries...), Severities: f.Severities}
}

func registries(tb testing.TB, names ...string) []validate.Registry {
	tb.Helper()
	var out []validate.Registry
	for _, name := range names {
		r, err := validate.ParseRegistry(name)
		if err != nil {
			tb.Fatalf("%q: %v", name, err)
		}
		out = append(out, r)
	}
	return out
}

// throughJSON is a value as a JSON decoder makes it, whose numbers are all of one type.
func throughJSON(tb testing.TB, v any) any {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		tb.Fatal(err)
	}
	return out
}

// compared takes from the findings what the wants at the same place speak of.
func compared(found []validate.Finding, wants []want) []want {
	out := []want{}
	for i, f := range found {
		got := want{Rule: f.Rule, Path: f.Path.String()}
		if i < len(wants) {
			for _, part := range []struct {
				want, got **string
				text      string
			}{
				{&wants[i].Severity, &got.Severity, string(f.Severity)},
				{&wants[i].Value, &got.Value, f.Value},
				{&wants[i].Message, &got.Message, f.Message},
				{&wants[i].Fix, &got.Fix, f.Fix},
			} {
				if *part.want != nil {
					*part.got = &part.text
				}
			}
		}
		out = append(out, got)
	}
	return out
}
