package release

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/chartutil"
	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// What is set with marks has the shape of what is set without, and a mark for each value.
func TestMarksStandWhereTheValuesStand(t *testing.T) {
	t.Parallel()
	const mine = 7
	sets := []string{
		"", "x", "a,b", "x,a=y", `x\,y`, `x\,y,a=\,`, `"x"`, `'x,a=y'`, `"x,a={y,z}"`, `'`, `"x'`, "{}", "{a}", "{a,b}", "{a,b},c=d", "{a,b}c=d",
		`{a\},b\,},c=d`, "{a},", "x,", "x,a.b[2].c=y,a.b[0]={x}", `x,a\.b=y,a\=c=z`, "null", "{null,1,true}", "x,a=,b=", `x\`, "x,a==y=z",
	}
	for seed := range uint64(cases) {
		sets = append(sets, newGenerator(seed).set())
	}
	compared := 0
	for _, set := range sets {
		with, without := map[string]any{}, map[string]any{}
		if err := chartutil.ReplacePathValue(without, "path.to", set); err != nil || strings.HasSuffix(set, "].a=") {
			continue // Helm sets nothing below a position where the text ends; a mark there does no harm
		}
		if err := chartutil.ReplacePathValue(with, "path.to", markedSet(set, mine)); err != nil {
			t.Errorf("%s: marked as %s: %v", set, markedSet(set, mine), err)
		}
		if diff := cmp.Diff(shape(without, ""), shape(with, mark(mine))); diff != "" {
			t.Errorf("%s: marked as %s (-set +marked)\n%s", set, markedSet(set, mine), diff)
		}
		compared++
	}
	if compared < len(sets)/2 {
		t.Errorf("only %d of %d can be set", compared, len(sets))
	}
}

// shape replaces each leaf. Where a mark is wanted, a leaf has to be that or a gap in a list.
func shape(v any, want string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, child := range v {
			out[key] = shape(child, want)
		}
		return out
	case []any:
		out := []any{}
		for _, child := range v {
			out = append(out, shape(child, want))
		}
		return out
	}
	if want != "" && v != nil && v != want {
		return "not marked"
	}
	return "leaf"
}

func TestAt(t *testing.T) {
	t.Parallel()
	v := fromYAML(t, "{a: {b: [x, {c: d}]}, n: null}")
	for name, tc := range map[string]struct {
		path validate.Path
		want any
	}{
		"the root":           {nil, v},
		"an element":         {validate.Path{"a", "b", 0}, "x"},
		"below an element":   {validate.Path{"a", "b", 1, "c"}, "d"},
		"past the end":       {validate.Path{"a", "b", 2}, nil},
		"far past the end":   {validate.Path{"a", "b", 9, "c"}, nil},
		"no such key":        {validate.Path{"x", "y"}, nil},
		"null":               {validate.Path{"n", "x"}, nil},
		"a key of a list":    {validate.Path{"a", "b", "c"}, nil},
		"a position of none": {validate.Path{"a", 0}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, at(v, tc.path)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
