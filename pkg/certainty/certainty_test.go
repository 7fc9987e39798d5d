package certainty_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

type object = map[string]any

func unknown(reasons ...int) any { return certainty.Unknown{Reasons: reasons} }

func open(known object, reasons ...int) any { return certainty.Open{Known: known, Reasons: reasons} }

func TestOneNodeIsLaidOverAnother(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ below, above, want any }{
		"nothing is below":                                   {nil, object{"a": 1}, object{"a": 1}},
		"a map adds its keys to a map":                       {object{"a": 1, "m": object{"x": 1}}, object{"b": 2, "m": object{"y": 2}}, object{"a": 1, "b": 2, "m": object{"x": 1, "y": 2}}},
		"a scalar replaces a map":                            {object{"a": 1}, "x", "x"},
		"a list replaces a list":                             {[]any{1, 2}, []any{3}, []any{3}},
		"null takes away what is below":                      {object{"a": 1}, object{"a": nil}, object{"a": nil}},
		"what is unknown may leave what is below, or not":    {object{"a": 1}, object{"a": unknown(0)}, object{"a": unknown(0)}},
		"an open map may change each key below":              {object{"a": 1}, open(nil, 0), open(object{}, 0)},
		"an open map sets the keys that are known":           {object{"a": 1}, open(object{"a": 2}, 0), open(object{"a": 2}, 0)},
		"a map sets its keys over an open map, which stays":  {open(object{"a": 1}, 0), object{"b": 2}, open(object{"a": 1, "b": 2}, 0)},
		"a map over what is unknown is open":                 {unknown(0), object{"b": 2}, open(object{"b": 2}, 0)},
		"a map over a key that may be there is open too":     {open(nil, 0), object{"m": object{"x": 1}}, open(object{"m": open(object{"x": 1}, 0)}, 0)},
		"a scalar over what is unknown is known":             {unknown(0), "x", "x"},
		"the reasons of both count, in order and each once":  {open(nil, 2, 3), open(nil, 1, 3), open(object{}, 1, 2, 3)},
		"and where what is above may be a map that adds any": {open(nil, 2), unknown(1), unknown(1, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, certainty.Lay(tc.below, tc.above)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestANodeIsFoundByItsPath(t *testing.T) {
	t.Parallel()
	values := object{"a": []any{"x", object{"b": nil}}, "m": open(object{"k": 1}, 0), "u": unknown(1)}
	for name, tc := range map[string]struct {
		path []any
		want any
		set  bool
	}{
		"an entry":                                {[]any{"a", 0}, "x", true},
		"null":                                    {[]any{"a", 1, "b"}, nil, true},
		"a position past the end":                 {[]any{"a", 2}, nil, false},
		"a key that is not set":                   {[]any{"x", "y"}, nil, false},
		"a key of a scalar":                       {[]any{"a", 0, "y"}, nil, false},
		"a known key of an open map":              {[]any{"m", "k"}, 1, true},
		"any other key of it":                     {[]any{"m", "x"}, unknown(0), true},
		"what is below something unknown":         {[]any{"u", "x", "y"}, unknown(1), true},
		"a position in something that is no list": {[]any{"u", 0}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, set := certainty.At(values, tc.path)
			if diff := cmp.Diff(tc.want, got); diff != "" || set != tc.set {
				t.Errorf("set: %t, want %t (-want +got)\n%s", set, tc.set, diff)
			}
		})
	}
}

func TestANodeIsKnownOrNot(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		node            any
		known, mayBeMap bool
	}{
		"nothing":                       {nil, true, false},
		"a scalar":                      {"x", true, false},
		"a map":                         {object{"a": []any{1}}, true, true},
		"a list with something unknown": {[]any{1, unknown(0)}, false, false},
		"a map with something unknown":  {object{"a": []any{unknown(0)}}, false, true},
		"an open map":                   {open(nil, 0), false, true},
		"something unknown":             {unknown(0), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if known, mayBeMap := certainty.IsKnown(tc.node), certainty.MayBeMap(tc.node); known != tc.known || mayBeMap != tc.mayBeMap {
				t.Errorf("known: %t, may be a map: %t; want %t, %t", known, mayBeMap, tc.known, tc.mayBeMap)
			}
		})
	}
}
