package validate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// longList has a list of mirrors with n entries.
func longList(entry string, n int, more ...any) validate.Input {
	return validate.Input{Values: map[string]any{"spegel": map[string]any{
		"mirroredRegistries": append(slices.Repeat([]any{entry}, n), more...),
	}}}
}

// Beyond the findings that are told, a rule looks only for what could still change them.
func TestFindingsOfALongList(t *testing.T) {
	t.Parallel()
	policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com")}
	const private = "https://harbor.example.com"
	for name, c := range map[string]struct {
		in    validate.Input
		rule  string
		found int
		fix   string // of each; empty for any
	}{
		"all are private":                {longList(private, 5000), "private-registry-mirrored", 1000, "list public registries instead, e.g. https://docker.io, https://ghcr.io"},
		"all but the last are private":   {longList(private, 5000, "https://ghcr.io"), "private-registry-mirrored", 1000, "remove the entry, or set prependExisting: true and let the policy warn of it"},
		"as many as are told":            {longList(private, 1000), "private-registry-mirrored", 1000, "list public registries instead, e.g. https://docker.io, https://ghcr.io"},
		"none is a URL":                  {longList("x", 5000), "invalid-mirror-url", 1000, ""},
		"the last is none":               {longList("https://ghcr.io", 5000, "x"), "invalid-mirror-url", 1, ""},
		"wildcards":                      {longList("*", 5000), "wildcard-mirror", 1000, ""},
		"all wildcards but one too many": {longList("*", 5000), "invalid-mirror-url", 1000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := 0
			findings, _ := validate.Validate(c.in, policy)
			for _, f := range findings {
				if f.Rule != c.rule {
					continue
				}
				found++
				if c.fix != "" && f.Fix != c.fix {
					t.Fatalf("%s: fix %q, want %q", f.Path, f.Fix, c.fix)
				}
			}
			if found != c.found {
				t.Errorf("%d findings, want %d", found, c.found)
			}
		})
	}
}

// An entry beyond those that are told takes no memory: whoever sends a million of them must not fill it.
func TestALongListTakesNoMemory(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com")}
	for _, entry := range []string{"x", "*"} {
		allocations := func(entries int) float64 {
			in := longList(entry, entries)
			return testing.AllocsPerRun(1, func() { validate.Validate(in, policy) })
		}
		if few, many := allocations(2_000), allocations(500_000); many > few+10 {
			t.Errorf("%q: %v allocations with 2,000 entries, %v with 500,000", entry, few, many)
		}
	}
}

// Encoding a name in IDNA form takes time that grows with the square of its length: minutes for this one, which fits into an
// object.
func TestALongHostInUnicodeIsNotEncoded(t *testing.T) {
	t.Parallel()
	var host strings.Builder
	for i := range 300_000 {
		host.WriteRune('\u4e00' + rune(i%20_000))
	}
	policy := validate.Policy{PrivateRegistries: registries(t, "harbor.example.com")}
	if findings, _ := validate.Validate(longList("https://"+host.String(), 1, "https://harbor.example.com"), policy); len(findings) != 1 {
		t.Errorf("%d findings, want that of the last entry", len(findings))
	}
}
