package release

import (
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func TestOnlyWhatIsCertainIsFound(t *testing.T) {
	t.Parallel()
	const list = "spegel.mirroredRegistries"
	const dead, good = "spegel: {registries: [https://docker.io]}", "spegel: {mirroredRegistries: [https://docker.io]}"
	c := newCluster(
		configMap("dead", values(dead)), configMap("map", values("spegel: {resolveTags: true}")), configMap("good", values(good)),
		configMap("nested", map[string]string{"values.yaml": "x", "more": "x,a[0][1]=x", "list": "x,spegel.mirroredRegistries={x}"}), configMap("set", values("x")),
	)
	c.fail["Secret kube-system/gone"] = forbidden("gone")
	empty := "empty-mirror-list at spec.values." + list
	legacy := "legacy-registries-key at spec.values.spegel.registries"
	deadMap := "legacy-registries-key at valuesFrom ConfigMap kube-system/dead key values.yaml: spegel.registries"
	secret := from("Secret", "gone")
	var many []helmv2.ValuesReference
	for i := range 12 {
		many = append(many, from("Secret", fmt.Sprint("gone", i)))
	}
	tests := map[string]struct {
		inline     string
		refs       []helmv2.ValuesReference
		want       []string
		unresolved int
	}{
		"a dead key is, a list that is not set is not":          {dead, refs(secret), []string{legacy}, 1},
		"nothing is without inline values":                      {"", refs(secret), nil, 1},
		"a list that is null inline is":                         {"spegel: {mirroredRegistries: null}", refs(secret), []string{"empty-mirror-list at spec.values." + list}, 1},
		"an inline list is":                                     {"spegel: {mirroredRegistries: [x]}", refs(secret), []string{"invalid-mirror-url at spec.values." + list + "[0]"}, 0},
		"an inline string for a map is":                         {"spegel: x", refs(secret), []string{"invalid-mirror-url at spec.values.spegel"}, 0},
		"a key at the top is":                                   {"registries: [x]", refs(secret), []string{"misplaced-registries-key at spec.values.registries"}, 1},
		"a good list is good, whatever dead key lies beside it": {good, refs(secret), nil, 0},
		"a reference after the unread one is":                   {"", refs(secret, from("ConfigMap", "dead")), []string{deadMap}, 1},
		"a reference before the unread one is not":              {"", refs(from("ConfigMap", "dead"), secret), nil, 1},
		"an inline value is, of many unread":                    {dead, many, []string{legacy}, len(many)},
		"all is under a targetPath that no rule reads":          {dead, refs(target(secret, "other")), []string{legacy, empty}, 0},
		"all is under one below spegel":                         {dead, refs(target(secret, "spegel.password")), []string{legacy, empty}, 0},
		"a dead key is not under a targetPath at it":            {dead, refs(target(secret, "spegel.registries[0].x")), []string{empty}, 1},
		"a reference under it is":                               {"spegel: {a: b}", refs(from("ConfigMap", "dead"), target(secret, "other")), []string{deadMap, empty}, 0},
		"an inline value is, under a targetPath after the map":  {dead, refs(from("ConfigMap", "map"), target(secret, "other")), []string{legacy, empty}, 0},
		"an inline entry is not, as its position may be set": {
			"spegel: {registries: [x], mirroredRegistries: [x]}", refs(from("ConfigMap", "map"), target(secret, list+"[0]")), []string{legacy}, 1,
		},
		"an inline map is, but not that it is empty": {
			"spegel: {mirroredRegistries: {}}", refs(secret), []string{"invalid-mirror-url at spec.values." + list}, 1,
		},
		"all is beside two that no rule reads":                   {dead, refs(optional(literal(secret, "other")), target(from("Secret", "b"), "other")), []string{legacy, empty}, 0},
		"a position is not, as the list may be too short for it": {"spegel: {a: b}", refs(target(secret, list+"[1]"), target(from("ConfigMap", "set"), list+"[1]")), nil, 1},
		"an element is not, as an empty text may leave no list for it": {
			"spegel: {a: b}", refs(target(secret, list+"[0].a"), literal(from("ConfigMap", "set"), list+"[0].a")), nil, 1,
		},
		"an element is not, as a comma may set such a text": {
			"spegel: {a: b}", refs(target(secret, "other"), literal(from("ConfigMap", "set"), list+"[0].a")), nil, 1,
		},
		"a list is not, as a comma may make a map of it": {
			"spegel: {registries: {}}", refs(target(secret, "other"), target(key(from("ConfigMap", "nested"), "list"), list+".a")), []string{legacy}, 1,
		},
		"an inline value is, if what makes the map is unread too": {dead, refs(secret, target(secret, "other")), []string{legacy}, 1},
		"all is under a literal that is elsewhere":                {dead, refs(literal(secret, "other")), []string{legacy, "empty-mirror-list at spec.values." + list}, 0},
		"all else is under a literal at the list":                 {dead, refs(literal(secret, list)), []string{legacy}, 1},
		"nothing is under a targetPath at the map":                {dead, refs(literal(secret, "spegel")), nil, 1},
		"nothing is under a literal at the map of a reference":    {"", refs(from("ConfigMap", "dead"), literal(secret, "spegel")), nil, 1},
		"an inline value is, beside a list in a list":             {dead, refs(secret, target(from("ConfigMap", "nested"), "a[0][1]")), []string{legacy}, 1},
		"and beside one after a comma":                            {dead, refs(secret, target(key(from("ConfigMap", "nested"), "more"), "b")), []string{legacy}, 1},
		"but not beside what a comma sets":                        {"spegel: {mirroredRegistries: [y]}", refs(secret, target(key(from("ConfigMap", "nested"), "list"), "b")), nil, 1},
		"an inline value is, with a targetPath that was read":     {dead, refs(secret, target(from("ConfigMap", "set"), "other")), []string{legacy}, 1},
		"what a targetPath sets after the unread one is not":      {good, refs(secret, target(from("ConfigMap", "set"), "spegel.registries")), nil, 0},
		"an inline value is, under many and a targetPath":         {dead, append(many, target(secret, "other")), []string{legacy}, len(many)},
		"all is in a large release with a targetPath":             {dead + "\nlarge: " + strings.Repeat("x", 1<<20), refs(literal(secret, "other")), []string{legacy, empty}, 0},
		"an inline value is in a large release without":           {dead + "\nlarge: " + strings.Repeat("x", 1<<20), refs(secret), []string{legacy}, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := resolve(t, helmRelease(t, tc.inline, tc.refs...), c).Evaluate(privatePolicy(t))
			if diff := cmp.Diff(tc.want, told(res)); diff != "" {
				t.Errorf("findings (-want +got)\n%s", diff)
			}
			if got := len(res.Unresolved); got != tc.unresolved {
				t.Errorf("%d unresolved, want %d: %v", got, tc.unresolved, untold(res))
			}
		})
	}
}

func TestNothingIsUnresolvedWhereInlineValuesDecide(t *testing.T) {
	t.Parallel()
	// only the rules about the list are on: a list in spec.values is then all there is to know
	policy := privatePolicy(t, "harbor.example.com")
	policy.Severities = map[string]validate.Severity{
		"legacy-registries-key": validate.Off, "misplaced-registries-key": validate.Off, "renamed-key": validate.Off,
	}
	for name, tc := range map[string]struct {
		refs       []helmv2.ValuesReference
		unresolved int
	}{
		"under an unread layer":            {refs(from("Secret", "a"), from("Secret", "b")), 0},
		"under a targetPath elsewhere":     {refs(target(from("Secret", "a"), "other")), 0},
		"but not under a targetPath at it": {refs(target(from("Secret", "a"), "spegel.mirroredRegistries")), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for inline, findings := range map[string]int{"[https://docker.io]": 0, "[https://harbor.example.com]": 1, "[]": 1} {
				if tc.unresolved > 0 {
					findings = 0
				}
				hr := helmRelease(t, "spegel: {mirroredRegistries: "+inline+"}", tc.refs...)
				res := resolve(t, hr, newCluster()).Evaluate(policy)
				if len(res.Findings) != findings || len(res.Unresolved) != tc.unresolved {
					t.Errorf("%s: got %v, unresolved %v", inline, told(res), untold(res))
				}
			}
		})
	}
}

// only turns all rules off but one.
func only(t *testing.T, rule string) validate.Policy {
	t.Helper()
	policy := privatePolicy(t, "harbor.example.com")
	policy.Severities = map[string]validate.Severity{}
	for _, r := range validate.Rules() {
		if r.ID != rule {
			policy.Severities[r.ID] = validate.Off
		}
	}
	return policy
}

func TestOnlyWhatATargetPathNamesIsUnresolved(t *testing.T) {
	t.Parallel()
	const list = "spegel.mirroredRegistries"
	set, a, b := from("ConfigMap", "set"), from("Secret", "a"), from("Secret", "b")
	for name, tc := range map[string]struct {
		inline, rule string
		refs         []helmv2.ValuesReference
		want         int
	}{
		"one at the list, for the dead key": {"", "legacy-registries-key", refs(target(a, list), target(set, list+"[1]")), 0},
		"a literal at the list":             {"[https://docker.io]", "wildcard-mirror", refs(target(set, "other"), a, literal(b, list)), 1},
		"another beside it":                 {"[https://docker.io]", "wildcard-mirror", refs(target(set, "other"), literal(b, list)), 1},
		"not one elsewhere":                 {"[https://docker.io]", "wildcard-mirror", refs(target(set, "other"), target(a, "another")), 0},
		"nor for a private host":            {"[https://docker.io]", "private-registry-mirrored", refs(target(set, "other"), target(a, "another")), 0},
		"a list that others build on":       {"", "wildcard-mirror", refs(a, target(set, list+"[1]")), 1},
		"nor if there is no list":           {"", "private-registry-mirrored", refs(target(a, "other")), 0},
		"null for a list":                   {"", "empty-mirror-list", refs(target(set, list+"[0]"), target(a, "other")), 1},
		"a map, in which there is more":     {"{x: https://docker.io}", "wildcard-mirror", refs(a), 1},
		"nor if there is a map":             {"{x: https://docker.io}", "wildcard-mirror", refs(target(set, "other"), target(a, "other")), 0},
		"an empty string at the targetPath": {"", "empty-mirror-list", refs(target(set, list), literal(a, list)), 1},
		"nor for a key at the top":          {"[https://docker.io]", "misplaced-registries-key", refs(target(a, "other")), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.inline != "" {
				tc.inline = "spegel: {mirroredRegistries: " + tc.inline + "}"
			}
			res := resolve(t, helmRelease(t, tc.inline, tc.refs...), newCluster(configMap("set", values("https://ghcr.io")))).Evaluate(only(t, tc.rule))
			if len(res.Findings) != 0 || len(res.Unresolved) != tc.want {
				t.Errorf("got %v, unresolved %v", told(res), untold(res))
			}
		})
	}
}

func TestSeveritiesAreToldApart(t *testing.T) {
	t.Parallel()
	res := resolve(t, helmRelease(t, "{registries: [x], spegel: {registries: [x]}}"), nil).Evaluate(privatePolicy(t))
	denied, warned := []string(nil), []string(nil)
	for _, f := range res.Findings {
		if one := told(Result{Findings: []Finding{f}}); f.Severity == validate.Deny {
			denied = append(denied, one...)
		} else {
			warned = append(warned, one...)
		}
	}
	want := []string{"legacy-registries-key at spec.values.spegel.registries", "empty-mirror-list at spec.values.spegel.mirroredRegistries"}
	if diff := cmp.Diff(want, denied); diff != "" {
		t.Errorf("denied (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"misplaced-registries-key at spec.values.registries"}, warned); diff != "" {
		t.Errorf("warned (-want +got)\n%s", diff)
	}
}
