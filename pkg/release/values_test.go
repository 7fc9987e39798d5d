package release

import (
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

func TestEffectiveValues(t *testing.T) {
	t.Parallel()
	c := newCluster(
		configMap("one", map[string]string{"values.yaml": "{a: 1, m: {x: 1, z: 1}, list: [1, 2]}", "k": "{a: 9}", "null": "{a: null, m: null}"}),
		configMap("two", values("{a: 2, m: {x: 2}, list: [3]}")),
		configMap("scalar", values("{m: 5}")),
		configMap("empty", map[string]string{"values.yaml": "", "comment": "# nothing", "null": "null"}),
		configMap("set", map[string]string{"values.yaml": "v", "inject": "v,b.c=w,list={p,q}", "quoted": `"5"`, "number": "5", "null": "null"}),
		secret("one", values("{a: 3, s: {z: 1}}")),
	)
	tests := map[string]struct {
		inline string
		refs   []helmv2.ValuesReference
		want   string
	}{
		"inline values alone":                        {"a: 1", nil, "a: 1"},
		"nothing at all":                             {"", nil, "{}"},
		"a ConfigMap alone":                          {"", refs(from("ConfigMap", "two")), "{a: 2, m: {x: 2}, list: [3]}"},
		"a Secret alone":                             {"", refs(from("Secret", "one")), "{a: 3, s: {z: 1}}"},
		"a later reference wins":                     {"", refs(from("ConfigMap", "one"), from("ConfigMap", "two")), "{a: 2, m: {x: 2, z: 1}, list: [3]}"},
		"and in the other order the other":           {"", refs(from("ConfigMap", "two"), from("ConfigMap", "one")), "{a: 1, m: {x: 1, z: 1}, list: [1, 2]}"},
		"inline values win over references":          {"{a: 0, m: {x: 0}, list: []}", refs(from("ConfigMap", "one")), "{a: 0, m: {x: 0, z: 1}, list: []}"},
		"a kind is part of a reference's name":       {"", refs(from("ConfigMap", "one"), from("Secret", "one")), "{a: 3, m: {x: 1, z: 1}, list: [1, 2], s: {z: 1}}"},
		"another key":                                {"", refs(key(from("ConfigMap", "one"), "k")), "{a: 9}"},
		"one object with two keys":                   {"", refs(from("ConfigMap", "one"), key(from("ConfigMap", "one"), "k")), "{a: 9, m: {x: 1, z: 1}, list: [1, 2]}"},
		"the same key twice":                         {"", refs(from("ConfigMap", "one"), from("ConfigMap", "two"), from("ConfigMap", "one")), "{a: 1, m: {x: 1, z: 1}, list: [1, 2]}"},
		"null in a reference is kept as null":        {"", refs(from("ConfigMap", "one"), key(from("ConfigMap", "one"), "null")), "{a: null, m: null, list: [1, 2]}"},
		"inline null removes what a reference sets":  {"{a: null, m: {x: null}}", refs(from("ConfigMap", "one")), "{a: null, m: {x: null, z: 1}, list: [1, 2]}"},
		"a scalar replaces a map":                    {"", refs(from("ConfigMap", "one"), from("ConfigMap", "scalar")), "{a: 1, m: 5, list: [1, 2]}"},
		"a map replaces a scalar":                    {"", refs(from("ConfigMap", "scalar"), from("ConfigMap", "two")), "{a: 2, m: {x: 2}, list: [3]}"},
		"an empty text, a comment and null":          {"a: 1", refs(from("ConfigMap", "empty"), key(from("ConfigMap", "empty"), "comment"), key(from("ConfigMap", "empty"), "null")), "a: 1"},
		"an optional reference that is missing":      {"a: 1", refs(optional(from("ConfigMap", "gone"))), "a: 1"},
		"an optional reference without the key":      {"a: 1", refs(optional(key(from("ConfigMap", "one"), "gone")), from("ConfigMap", "scalar")), "{a: 1, m: 5}"},
		"a targetPath":                               {"", refs(target(from("ConfigMap", "set"), "x.z")), "{x: {z: v}}"},
		"a targetPath into a list":                   {"", refs(target(from("ConfigMap", "set"), "x[1].z")), "{x: [null, {z: v}]}"},
		"a targetPath with an escaped dot":           {"", refs(target(from("ConfigMap", "set"), `x\.z`)), "{x.z: v}"},
		"a value is typed as helm --set does":        {"", refs(target(key(from("ConfigMap", "set"), "number"), "x"), target(key(from("ConfigMap", "set"), "null"), "z")), "{x: 5, z: null}"},
		"a quoted value is a string":                 {"", refs(target(key(from("ConfigMap", "set"), "quoted"), "x")), "{x: '5'}"},
		"a comma sets other paths":                   {"", refs(target(key(from("ConfigMap", "set"), "inject"), "x")), "{x: v, b: {c: w}, list: [p, q]}"},
		"a literal comma does not":                   {"", refs(literal(key(from("ConfigMap", "set"), "inject"), "x")), "{x: 'v,b.c=w,list={p,q}'}"},
		"a literal null is a string":                 {"", refs(literal(key(from("ConfigMap", "set"), "null"), "x")), "{x: 'null'}"},
		"literal means nothing without a targetPath": {"", refs(literal(from("ConfigMap", "scalar"), "")), "{m: 5}"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hr := helmRelease(t, tc.inline, tc.refs...)
			rel := resolve(t, hr, c)
			want := fromYAML(t, tc.want)
			if diff := cmp.Diff(asJSON(want), asJSON(rel.input.Values)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if len(rel.unknown) > 0 {
				t.Errorf("not known: %+v", rel.unknown)
			}
			if again := resolve(t, hr, c); !cmp.Equal(rel.input.Values, again.input.Values) || !cmp.Equal(inlineOf(rel), inlineOf(again)) {
				t.Error("the first merge changed what the second started from")
			}
		})
	}
}

func TestInlineValuesThatAreNoMapAreAFinding(t *testing.T) {
	t.Parallel()
	good := configMap("good", values("spegel: {mirroredRegistries: [https://docker.io]}"))
	for name, raw := range map[string]string{"a list": "[1]", "a string": `"x"`, "a number": "5"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, refs := range [][]helmv2.ValuesReference{nil, {from("ConfigMap", "good")}, {from("Secret", "gone")}} {
				hr := helmRelease(t, "", refs...)
				hr.Spec.Values = &apiextensionsv1.JSON{Raw: []byte(raw)}
				res := resolve(t, hr, newCluster(good)).Evaluate(privatePolicy(t))
				if diff := cmp.Diff([]string{"invalid-mirror-url at spec.values"}, told(res)); diff != "" {
					t.Errorf("%v (-want +got)\n%s", refs, diff)
				}
			}
		})
	}
}

func TestMirrorList(t *testing.T) {
	t.Parallel()
	c := newCluster(configMap("list", values("spegel: {mirroredRegistries: [https://ghcr.io]}")))
	tests := map[string]struct {
		inline string
		refs   []helmv2.ValuesReference
		want   string
		known  bool
	}{
		"inline":                        {"spegel: {mirroredRegistries: [https://docker.io]}", nil, "[https://docker.io]", true},
		"from a reference":              {"", refs(from("ConfigMap", "list")), "[https://ghcr.io]", true},
		"not set":                       {"spegel: {resolveTags: true}", nil, "null", true},
		"spegel is no map":              {"spegel: x", nil, "null", true},
		"an optional one is missing":    {"", refs(from("ConfigMap", "list"), optional(from("Secret", "gone"))), "[https://ghcr.io]", true},
		"a reference is missing":        {"", refs(from("ConfigMap", "list"), from("Secret", "gone")), "null", false},
		"one below inline values is":    {"spegel: {mirroredRegistries: [https://docker.io]}", refs(from("Secret", "gone")), "[https://docker.io]", true},
		"one with a targetPath is":      {"", refs(from("ConfigMap", "list"), target(from("Secret", "gone"), "spegel.mirroredRegistries[0]")), "null", false},
		"one with another targetPath":   {"", refs(from("ConfigMap", "list"), target(from("Secret", "gone"), "spegel.password")), "[https://ghcr.io]", true},
		"a reference can't be merged":   {"x: y", refs(from("ConfigMap", "list"), target(from("ConfigMap", "list"), "x.z")), "[https://ghcr.io]", true},
		"all references are unreadable": {"", refs(from("Thing", "x")), "null", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, _, known := resolve(t, helmRelease(t, tc.inline, tc.refs...), c).Value("mirroredRegistries")
			if known != tc.known || !cmp.Equal(list, fromYAML(t, tc.want)) {
				t.Errorf("got %v, %t; want %s, %t", list, known, tc.want, tc.known)
			}
		})
	}
}
