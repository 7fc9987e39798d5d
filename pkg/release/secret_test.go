package release

import (
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
)

// canary is what must not be seen: every value in a Secret holds it, but the private host.
const canary = "hunter2"

func TestNothingOutOfASecretIsShownButThePrivateHost(t *testing.T) {
	t.Parallel()
	const list = "spegel.mirroredRegistries"
	c := newCluster(
		secret("layer", map[string]string{
			"values.yaml": "spegel: {registries: [hunter2], mirroredRegistries: [hunter2, https://hunter2@harbor.example.com/hunter2, '*', {hunter2: hunter2}]}",
			"map":         "spegel: {mirroredRegistries: {hunter2: hunter2, x: https://harbor.example.com/hunter2}}",
			"string":      "spegel: {mirroredRegistries: hunter2}", "scalar": "spegel: hunter2", "no": "hunter2: [hunter2",
			"keys": "{hunter2: 1, registries: hunter2, spegel: {hunter2: 1, mirrored-registry: hunter2}}",
		}),
		secret("set", map[string]string{
			"one": "hunter2", "list": "{hunter2,https://harbor.example.com/hunter2}", "quoted": `"hunter2"`,
			"element": "x,spegel.mirroredRegistries[1]=hunter2", "whole": "hunter2,spegel.mirroredRegistries={hunter2,hunter2}",
			"no": "hunter2,hunter2[hunter2]=hunter2", "odd": `{a\,hunter2,b}c=d,spegel.mirroredRegistries={hunter2}`,
		}),
		secret("same", map[string]string{"one": "hunter2", "whole": "x,spegel.mirroredRegistries={hunter2,hunter2}"}),
		configMap("public", values("spegel: {mirroredRegistries: [one, two, three]}")),
		configMap("element", values("four")),
		configMap("nested", values("spegel: {mirroredRegistries: [null, hunter3]}")),
	)
	layer := func(k string) helmv2.ValuesReference { return key(from("Secret", "layer"), k) }
	set := func(k, path string) helmv2.ValuesReference { return target(key(from("Secret", "set"), k), path) }
	public, element := from("ConfigMap", "public"), target(from("ConfigMap", "element"), list+"[0]")
	tests := map[string]struct {
		inline string
		refs   []helmv2.ValuesReference
		least  int // findings
	}{
		"values":                                 {"", refs(layer("")), 6},
		"values over a ConfigMap":                {"", refs(public, layer("")), 6},
		"values, and an element over them":       {"", refs(layer(""), element), 5},
		"a map":                                  {"", refs(layer("map")), 2},
		"a string":                               {"", refs(layer("string")), 1},
		"spegel is a string":                     {"", refs(layer("scalar")), 1},
		"keys":                                   {"", refs(layer("keys")), 2},
		"not YAML":                               {"spegel: 5", refs(layer("no")), 1},
		"a targetPath":                           {"", refs(set("one", list)), 1},
		"a quoted value":                         {"", refs(set("quoted", list)), 1},
		"a list at a targetPath":                 {"", refs(set("list", list)), 3},
		"a list at a targetPath, and an element": {"", refs(set("list", list), element), 2},
		"a literal":                              {"", refs(literal(key(from("Secret", "set"), "list"), list)), 1},
		"an element of a list":                   {"", refs(public, set("one", list+"[1]")), 3},
		"an element that a comma sets":           {"", refs(public, set("element", "x")), 3},
		"an element of the inline list":          {"spegel: {mirroredRegistries: [i, j]}", refs(set("element", "x")), 2},
		"a list that a comma sets":               {"", refs(public, set("whole", "x")), 2},

		"a list that a comma sets, then elements":   {"", refs(public, set("whole", "x"), element), 2},
		"a list that a comma sets in two Secrets":   {"", refs(public, set("whole", "x"), target(key(from("Secret", "same"), "whole"), "z")), 2},
		"the same value in two Secrets":             {"", refs(public, set("one", list+"[0]"), target(key(from("Secret", "same"), "one"), list+"[0]")), 3},
		"a list that goes on without a comma":       {"", refs(set("odd", "x")), 1},
		"what can't be merged":                      {"spegel: 5", refs(set("no", "x")), 1},
		"a position in a list where a null was":     {"", refs(from("ConfigMap", "nested"), set("one", list+"[0][0]")), 2},
		"a path of the Secret's own choice":         {"", refs(layer(""), set("whole", "spegel.registries")), 3},
		"beside a Secret that may not be read":      {"", refs(layer(""), from("Secret", "gone")), 0},
		"under an inline value that stays the same": {"spegel: {mirroredRegistries: [mine]}", refs(layer("")), 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := resolve(t, helmRelease(t, tc.inline, tc.refs...), c).Evaluate(privatePolicy(t, "harbor.example.com"))
			if len(res.Findings) < tc.least {
				t.Errorf("%d findings, want at least %d: %v", len(res.Findings), tc.least, told(res))
			}
			for _, f := range res.Findings {
				// the host that matched is fine, what was around it is not
				if all := fmt.Sprintf("%+v %s %s", f, f.Field(), f.Text()); strings.Contains(all, canary) {
					t.Errorf("shown: %s", all)
				}
				if f.Rule == "private-registry-mirrored" && !strings.Contains(f.Message, "harbor.example.com") {
					t.Errorf("the host that matched is not named: %s", f.Message)
				}
			}
			if all := fmt.Sprintf("%+v", res.Unresolved); strings.Contains(all, canary) {
				t.Errorf("shown: %s", all)
			}
		})
	}
}

func TestValuesThatNoSecretHasASayInAreShown(t *testing.T) {
	t.Parallel()
	c := newCluster(configMap("list", values("spegel: {mirroredRegistries: [public]}")), secret("set", values("x")), secret("layer", values("a: b")))
	for name, tc := range map[string]struct {
		inline string
		refs   []helmv2.ValuesReference
	}{
		"inline":                              {"spegel: {mirroredRegistries: [public]}", refs(from("Secret", "layer"), target(from("Secret", "set"), "x"))},
		"a ConfigMap":                         {"", refs(from("ConfigMap", "list"), from("Secret", "layer"))},
		"a ConfigMap beside a targetPath":     {"", refs(from("ConfigMap", "list"), target(from("Secret", "set"), "spegel.other"))},
		"a ConfigMap over what a Secret sets": {"", refs(target(from("Secret", "set"), "spegel.mirroredRegistries[0]"), from("ConfigMap", "list"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := resolve(t, helmRelease(t, tc.inline, tc.refs...), c).Evaluate(privatePolicy(t))
			if len(res.Findings) != 1 || res.Findings[0].Value != `"public"` {
				t.Errorf("got %+v", res.Findings)
			}
		})
	}
}

func TestASecretThatLooksLikeAMarkIsHidden(t *testing.T) {
	t.Parallel()
	c := newCluster(secret("layer", values("spegel: {mirroredRegistries: [source-0]}")))
	res := resolve(t, helmRelease(t, "", from("Secret", "layer")), c).Evaluate(privatePolicy(t))
	if len(res.Findings) != 1 || res.Findings[0].Value != "" {
		t.Errorf("got %+v", res.Findings)
	}
}
