package manifests_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCELPoliciesTexts(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	incident := list()
	incident["spec"].(map[string]any)["values"] = map[string]any{"spegel": map[string]any{"registries": []any{"x"}}}
	suspended := list("*")
	suspended["spec"].(map[string]any)["suspend"] = true
	warned := list("https://docker.io")
	warned["spec"].(map[string]any)["values"].(map[string]any)["Mirrored_Registries"] = "x"
	warned["spec"].(map[string]any)["values"].(map[string]any)["spegel"].(map[string]any)["appendMirrors"] = true

	tests := map[string]struct {
		object   map[string]any
		private  string
		denied   string
		warnings []string
	}{
		"the incident": {
			object: incident,
			denied: "Spegel would stand between containerd and your private registries (2 problems): " +
				"- spec.values.spegel.registries: Spegel's chart ignores this key since v0.1.0; rename it to mirroredRegistries [legacy-registries-key] " +
				"- spec.values.spegel.mirroredRegistries: not set, so Spegel answers for every registry, the private ones included, and their pulls may fail with \"not found\"; " +
				"list the registries to mirror, e.g. https://docker.io, https://ghcr.io [empty-mirror-list]",
		},
		"a private registry, and one that Spegel does not accept": {
			object: list("https://docker.io", "https://Harbor.example.com.:8443", "ghcr.io"), private: "harbor.example.com:8443",
			denied: "Spegel would stand between containerd and your private registries (2 problems): " +
				"- spec.values.spegel.mirroredRegistries[1]: \"https://Harbor.example.com.:8443\" names a private registry, so containerd asks Spegel first for its images, " +
				"and their pulls may fail with \"not found\"; remove the entry [private-registry-mirrored] " +
				"- spec.values.spegel.mirroredRegistries[2]: \"ghcr.io\" has no scheme http or https, so Spegel does not start; " +
				"write scheme and host only, e.g. https://docker.io [invalid-mirror-url]",
		},
		"of many of a kind one is shown, and all are counted": {
			object: list("a", "b", "c", "d", "e", "f"),
			denied: "Spegel would not start (6 problems): " +
				"- spec.values.spegel.mirroredRegistries[0]: \"a\" has no scheme http or https, so Spegel does not start; " +
				"write scheme and host only, e.g. https://docker.io [invalid-mirror-url]",
		},
		"suspended": {
			object: suspended,
			warnings: []string{"suspended, so admitted: Spegel would stand between containerd and your private registries (1 problem): " +
				"- spec.values.spegel.mirroredRegistries[0]: \"*\" stands for every registry, the private ones included, and their pulls may fail with \"not found\"; " +
				"name the registries to mirror instead, e.g. https://docker.io, https://ghcr.io [wildcard-mirror]"},
		},
		"rules that warn, and a line that is no host": {
			object: warned, private: "harbor.example.com\nhttps://harbor.example.com\nharbor.example.com:0\n\n# a comment",
			warnings: []string{
				"spec.values.Mirrored_Registries: Spegel's chart does not read this key at the top of the values; move the list to spegel.mirroredRegistries [misplaced-registries-key]",
				"spec.values.spegel.appendMirrors: Spegel's chart ignores this key since v0.1.0; rename it to prependExisting [renamed-key]",
				"ConfigMap kube-system/spegel-guard-private-registries: 2 of 3 lines passed over; write host, host:port or *.domain",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := policies.review(t.Context(), test.object, test.private)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.denied, said.denied); diff != "" {
				t.Errorf("denial (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.warnings, said.warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// immutable is what Flux takes for a reason to delete (fluxcd/pkg/ssa).
var immutable = regexp.MustCompile(`is\simmutable|immutable\sfield`)

// No value may put words into a message, nor a password.
func TestCELPoliciesShowsNoValueThatCouldDoHarm(t *testing.T) {
	t.Parallel()
	policies := newCELPolicies(t)
	for _, entry := range []string{
		"field is immutable", "immutable field", "is\nimmutable", "immutable", "https://robot:hunter2@harbor.example.com", "https://x?token=hunter2",
		`"] - evil [x]`, strings.Repeat("hunter2", 1000), "hunter2\u2028", "üis immutable",
	} {
		said, err := policies.review(t.Context(), list(entry, "*"), "harbor.example.com")
		if err != nil {
			t.Fatalf("%q: %v", entry, err)
		}
		if said.denied == "" || immutable.MatchString(said.denied) || strings.Contains(said.denied, "hunter2") || strings.Contains(said.denied, "evil") {
			t.Errorf("%q: %s", entry, said.denied)
		}
	}
}
