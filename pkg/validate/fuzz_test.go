package validate_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// FuzzValidate takes any JSON as values, any string as an entry and as a key, any private registry and any version of
// the chart.
func FuzzValidate(f *testing.F) {
	for _, seed := range []struct{ values, entry, registry, version string }{
		{`{"spegel":{"registries":["https://docker.io"]}}`, "https://docker.io", "harbor.example.com", "0.7.4"},
		{`{"spegel":{"mirroredRegistries":["*","_default",1,null,[],{}]}}`, "https://robot:pa?s/s@harbor.example.com", "*.example.com:8443", "v0.0.30"},
		{`{"spegel":{"mirroredRegistries":{"a":"https://docker.io"}},"registries":1}`, "is immutable field", "[2001:db8::1]:5000", ">=0.1"},
		{`{"spegel":{"mirroredRegistries":"a,b"},"immutable field":{}}`, "immutable\nfield\x00\xff", "bücher.example", "0.0.1-immutable"},
		{`[]`, "regİstries", "fe80::1%is immutable", ""},
		{`"is immutable"`, `https:\\harbor.example.com,,[https://[::1]:`, "*.", "0.0.1+field"},
		{`null`, "https://\"is\u2028immutable\"@harbor.example.com", "10.0.0.1:0", "1"},
		{`{"spegel":null}`, "mirrored-registries", "a.example.com.", "latest"},
	} {
		f.Add(seed.values, seed.entry, seed.registry, seed.version)
	}
	f.Fuzz(func(t *testing.T, text, entry, registry, version string) {
		policy := validate.Policy{PrivateRegistries: registries(t, "example.com", "*.example.com", "2001:db8::1")}
		if r, err := validate.ParseRegistry(registry); err == nil {
			if again, err := validate.ParseRegistry(r.String()); err != nil || again != r {
				t.Errorf("%q is read as %q, which is read as %q, error %v", registry, r, again, err)
			}
			policy.PrivateRegistries = append(policy.PrivateRegistries, r)
		} else {
			checkLine(t, err.Error())
		}
		if quoted := validate.Quote(entry); len(quoted) > 64+len(`"..."`) {
			t.Errorf("Quote(%q) is %d bytes long", entry, len(quoted))
		}
		list := func(v any) any { return map[string]any{"spegel": map[string]any{"mirroredRegistries": v}} }
		inputs := []any{
			entry, list(entry), list([]any{entry}), list(map[string]any{entry: entry}), list([]any{entry, []any{entry}, "*", entry}),
			map[string]any{entry: entry, "spegel": map[string]any{entry: entry, "registries": entry, "appendMirrors": entry}},
		}
		var values any
		if json.Unmarshal([]byte(text), &values) == nil {
			inputs = append(inputs, values, list(values), list([]any{values}), map[string]any{"spegel": values})
		}
		for _, values := range inputs {
			checkValidate(t, validate.Input{Values: values, ChartVersion: version}, policy)
		}
	})
}

// immutable is what Flux (fluxcd/pkg/ssa) takes for an immutable field, and then deletes the object. It looks for lower
// case only.
var immutable = regexp.MustCompile(`(?i)is\simmutable|immutable\sfield`)

func checkValidate(t *testing.T, in validate.Input, policy validate.Policy) {
	t.Helper()
	before := fmt.Sprintf("%#v", in.Values)
	found, _ := validate.Validate(in, policy)
	if again, _ := validate.Validate(in, policy); !reflect.DeepEqual(found, again) {
		t.Errorf("%s: another answer the second time (-first +second):\n%s", before, cmp.Diff(found, again))
	}
	if after := fmt.Sprintf("%#v", in.Values); after != before {
		t.Errorf("the values were %s and are %s", before, after)
	}
	rules := validate.Rules()
	last := 0
	for _, f := range found {
		i := slices.IndexFunc(rules, func(r validate.Rule) bool { return r.ID == f.Rule })
		if i < last {
			t.Errorf("%s: a finding of rule %q is out of order", before, f.Rule)
		}
		last = i
		if f.Severity != validate.Deny && f.Severity != validate.Warn {
			t.Errorf("%s: severity %q", before, f.Severity)
		}
		if f.Message == "" || f.Fix == "" {
			t.Errorf("%s: a finding of rule %s without a message or a fix", before, f.Rule)
		}
		if _, listed := slices.Concat(validate.Path{""}, f.Path)[len(f.Path)].(int); f.Value != "" && !listed {
			t.Errorf("%s: shows %s, which is no list entry", before, f.Value)
		}
		if len(f.Value) > 64+len(`"..."`) || len(f.Text()+f.Fix) > 400 {
			t.Errorf("%s: a finding of %d bytes: %s", before, len(f.Text()+f.Fix), f.Text())
		}
		for _, text := range []string{f.Value, f.Message, f.Fix, f.Path.String(), f.Text() + f.Fix + f.Path.String()} {
			checkLine(t, text)
		}
		checkLine(t, fmt.Sprintf("%s: %s; %s [%s]", f.Path, f.Text(), f.Fix, f.Rule))
	}
	checkLine(t, validate.Headline(found))
}

// checkLine fails if a text could not stand in a line of a denial.
func checkLine(t *testing.T, text string) {
	t.Helper()
	if !isASCII(text) || strings.Contains(text, "\n") {
		t.Errorf("%q is more than a line of printable ASCII", text)
	}
	if immutable.MatchString(text) {
		t.Errorf("%q would make Flux delete the object", text)
	}
}
