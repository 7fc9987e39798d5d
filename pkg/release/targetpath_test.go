package release

import (
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
)

// What chartutil makes of a targetPath depends on all layers before it, which is why nothing is worked out beside what is not
// known (docs/adr/0004). If a test fails with a newer chartutil, that may no longer be needed.
func TestTargetPathAndInlineValues(t *testing.T) {
	t.Parallel()
	c := newCluster(
		configMap("other", values("other: 1")),
		configMap("map", values("spegel: {resolveTags: true}")),
		configMap("null", values("spegel: null")),
		configMap("list", values("spegel: {mirroredRegistries: [values]}")),
		configMap("set", map[string]string{"values.yaml": "{target}", "b": "{second}", "one": "target", "null": "null"}),
	)
	const list = "spegel.mirroredRegistries"
	values := func(name string) helmv2.ValuesReference { return from("ConfigMap", name) }
	set := func(path string) helmv2.ValuesReference { return target(from("ConfigMap", "set"), path) }
	second := target(key(from("ConfigMap", "set"), "b"), list)
	one := func(path string) helmv2.ValuesReference { return target(key(from("ConfigMap", "set"), "one"), path) }
	tests := map[string]struct {
		inline string // spegel.mirroredRegistries, or all values
		refs   []helmv2.ValuesReference
		want   string // spegel.mirroredRegistries
	}{
		"alone, it beats inline values":                                {"[inline]", refs(set(list)), "[target]"},
		"literally too":                                                {"[inline]", refs(literal(from("ConfigMap", "set"), list)), "'{target}'"},
		"null at it removes the inline value":                          {"[inline]", refs(target(key(from("ConfigMap", "set"), "null"), list)), "null"},
		"after values without the map, it beats inline values":         {"[inline]", refs(values("other"), set(list)), "[target]"},
		"after values with the map, it does not":                       {"[inline]", refs(values("map"), set(list)), "[inline]"},
		"after values with the map, and null for it, it does":          {"[inline]", refs(values("map"), values("null"), set(list)), "[target]"},
		"before values that set the same, it beats both":               {"[inline]", refs(set(list), values("list")), "[target]"},
		"after any other targetPath in the map, it does not":           {"[inline]", refs(one("spegel.other"), set(list)), "[inline]"},
		"after any other targetPath, it does not":                      {"[inline]", refs(one("other"), set(list)), "[inline]"},
		"of two, the first beats inline values and the second":         {"[inline]", refs(set(list), second), "[target]"},
		"so too where inline values have only the map":                 {"spegel: {a: b}", refs(set(list), second), "[target]"},
		"and no values after it beat it there":                         {"spegel: {a: b}", refs(set(list), values("list")), "[target]"},
		"where inline values have no map, the last of two wins":        {"", refs(set(list), second), "[second]"},
		"and it beats values before it":                                {"", refs(values("list"), set(list)), "[target]"},
		"and values after it beat it":                                  {"", refs(set(list), values("list")), "[values]"},
		"a position beats inline values":                               {"[inline, inline]", refs(one(list + "[0]")), "[target, inline]"},
		"a position beats them after values with the map too":          {"[inline, inline]", refs(values("map"), one(list+"[0]")), "[target, inline]"},
		"a position beats them after another targetPath too":           {"[inline, inline]", refs(one("other"), one(list+"[0]")), "[target, inline]"},
		"a position past the end makes the list longer":                {"[inline]", refs(one(list + "[1]")), "[inline, target]"},
		"a position past the end does nothing after values with a map": {"[inline]", refs(values("map"), one(list+"[1]")), "[inline]"},
		"a position leaves gaps":                                       {"", refs(one(list + "[2]")), "[null, null, target]"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inline := tc.inline
			if strings.HasPrefix(inline, "[") {
				inline = "spegel: {mirroredRegistries: " + inline + "}"
			}
			got, _, known := resolve(t, helmRelease(t, inline, tc.refs...), c).Value("mirroredRegistries")
			if diff := cmp.Diff(fromYAML(t, tc.want), got); diff != "" || !known {
				t.Errorf("known: %t (-want +got)\n%s", known, diff)
			}
		})
	}
}

func TestTargetPathAtTheTopNeverBeatsInlineValues(t *testing.T) {
	t.Parallel()
	c := newCluster(configMap("set", values("target")))
	for name, tc := range map[string]struct{ inline, path, want string }{
		"a scalar":              {"{a: inline}", "a", "{a: inline}"},
		"a map":                 {"{a: {b: inline}}", "a", "{a: {b: inline}}"},
		"null":                  {"{a: null}", "a", "{a: null}"},
		"but a position does":   {"{a: [inline]}", "a[0]", "{a: [target]}"},
		"and a path below does": {"{a: {b: inline}}", "a.b", "{a: {b: target}}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rel := resolve(t, helmRelease(t, tc.inline, target(from("ConfigMap", "set"), tc.path)), c)
			if diff := cmp.Diff(fromYAML(t, tc.want), rel.input.Values); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
