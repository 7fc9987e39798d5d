package validate_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func TestAFindingReadsAsTheDenialShowsIt(t *testing.T) {
	t.Parallel()
	values := decode(t, "spegel: {registries: [https://docker.io]}")
	var lines []string
	found, _ := validate.Validate(validate.Input{Values: values}, validate.Policy{})
	for _, f := range found {
		path := f.Path.Under(field.NewPath("spec", "values"))
		lines = append(lines, fmt.Sprintf("- %s: %s; %s [%s]", path, f.Text(), f.Fix, f.Rule))
	}
	want := []string{
		"- spec.values.spegel.registries: Spegel's chart ignores this key since v0.1.0; rename it to mirroredRegistries [legacy-registries-key]",
		`- spec.values.spegel.mirroredRegistries: not set, so Spegel answers for every registry, the private ones included, and their pulls may fail with "not found"; ` +
			"list the registries to mirror, e.g. https://docker.io, https://ghcr.io [empty-mirror-list]",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTextBeginsWithTheValueWhereThereIsOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		finding validate.Finding
		want    string
	}{
		"with a value":    {validate.Finding{Value: `"x"`, Message: "has a path"}, `"x" has a path`},
		"without a value": {validate.Finding{Message: "is a number"}, "is a number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, c.finding.Text()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeadlineNamesTheWorstEffectAndTheNumber(t *testing.T) {
	t.Parallel()
	ignored := validate.Finding{Effect: validate.ValueIgnored}
	broken := validate.Finding{Effect: validate.SpegelDoesNotStart}
	private := validate.Finding{Effect: validate.StandsBetween}
	for name, c := range map[string]struct {
		findings []validate.Finding
		want     string
	}{
		"nothing without findings":   {nil, ""},
		"one finding is one problem": {[]validate.Finding{ignored}, "Part of this configuration would have no effect (1 problem)"},
		"malformed entries alone":    {[]validate.Finding{broken, broken}, "Spegel would not start (2 problems)"},
		"no start before no effect":  {[]validate.Finding{ignored, broken}, "Spegel would not start (2 problems)"},
		"failing pulls before all": {
			[]validate.Finding{ignored, broken, private},
			"Spegel would stand between containerd and your private registries (3 problems)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, validate.Headline(c.findings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPathIsWrittenAsKubernetesDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path        validate.Path
		want, under string
	}{
		"the root":     {validate.Path{}, "", "spec.values"},
		"no path":      {nil, "", "spec.values"},
		"a key":        {validate.Path{"spegel"}, "spegel", "spec.values.spegel"},
		"a list entry": {validate.Path{"spegel", "mirroredRegistries", 2}, "spegel.mirroredRegistries[2]", "spec.values.spegel.mirroredRegistries[2]"},
		"below a list": {validate.Path{"a", 0, "b"}, "a[0].b", "spec.values.a[0].b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, c.path.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.under, c.path.Under(field.NewPath("spec", "values")).String()); diff != "" {
				t.Errorf("under spec.values (-want +got):\n%s", diff)
			}
		})
	}
}
