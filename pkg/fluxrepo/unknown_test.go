package fluxrepo_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// positions are values with variables wherever one can stand, with the findings that hold whatever they
// are and the variables that matter.
var positions = map[string]struct{ values, want, matter string }{
	"all of the values":           {"${A}", "", "A"},
	"spegel":                      {"spegel: ${A}", "", "A"},
	"the list":                    {"spegel: {mirroredRegistries: '${A}'}", "", "A"},
	"the old list":                {"spegel: {mirroredRegistries: ['https://docker.io'], registries: '${A}'}", "", ""},
	"an entry":                    {"spegel: {mirroredRegistries: ['${A}', 'https://docker.io']}", "", "A"},
	"a scheme":                    {"spegel: {mirroredRegistries: ['${A}://docker.io']}", "", "A"},
	"a part of a scheme":          {"spegel: {mirroredRegistries: ['http${A}://docker.io']}", "", "A"},
	"a host":                      {"spegel: {mirroredRegistries: ['https://${A}']}", "", "A"},
	"a part of a host":            {"spegel: {mirroredRegistries: ['https://harbor.${A}']}", "", "A"},
	"the first part of a host":    {"spegel: {mirroredRegistries: ['https://${A}.example.com']}", "", "A"},
	"two parts of a host":         {"spegel: {mirroredRegistries: ['https://${A}.${B}']}", "", "A B"},
	"a port":                      {"spegel: {mirroredRegistries: ['https://mirror.example.org:${A}']}", "", "A"},
	"a port of a private host":    {"spegel: {mirroredRegistries: ['https://harbor.example.com:${A}']}", "", "A"},
	"what follows a private host": {"spegel: {mirroredRegistries: ['https://harbor.example.com${A}']}", "", "A"},
	"an IPv6 address":             {"spegel: {mirroredRegistries: ['https://[${A}]:5000']}", "", "A"},
	"a part of an IPv4 address":   {"spegel: {mirroredRegistries: ['https://10.0.0.${A}']}", "", "A"},
	"user info":                   {"spegel: {mirroredRegistries: ['https://${A}docker.io']}", "", "A"},
	"a path":                      {"spegel: {mirroredRegistries: ['https://docker.io${A}']}", "", "A"},
	"all parts of an entry":       {"spegel: {mirroredRegistries: ['${A}://${B}:${C}']}", "", "A B C"},
	"a part, cut":                 {"spegel: {mirroredRegistries: ['https://${A:3}']}", "", "A"},
	"a part, in capitals":         {"spegel: {mirroredRegistries: ['https://${A^^}']}", "", "A"},
	"a length":                    {"spegel: {mirroredRegistries: ['https://10.0.0.${#A}']}", "", "A"},
	"a default":                   {"spegel: {mirroredRegistries: ['https://${A:-harbor.example.com}']}", "", "A"},
	"a key below spegel":          {"spegel: {'${A}': ['https://docker.io']}", "", "A"},
	"a part of the list's key":    {"spegel: {'mirrored${A}': ['https://docker.io']}", "", "A"},
	"a part of another key":       {"spegel: {'other${A}': ['https://docker.io']}", "", "A"},
	"a key at the top":            {"'${A}': {mirroredRegistries: ['https://docker.io']}", "", "A"},
	"a part of spegel's key":      {"'spe${A}': {mirroredRegistries: ['https://docker.io']}", "", "A"},
	"both keys":                   {"'${A}': {'${B}': ['https://docker.io']}", "", "A"},
	"both keys and the list":      {"'${A}': {'${B}': '${C}'}", "", "A"},
	"a key at the top, with a null below": {
		"'${A}': {mirroredRegistries: ~}", "", "A",
	},
	"another entry is private": {
		"spegel: {mirroredRegistries: ['https://docker.io:${A}', 'https://harbor.example.com']}",
		"deny private-registry-mirrored spec.values.spegel.mirroredRegistries[1] \"https://harbor.example.com\"", "A",
	},
	"another entry is a wildcard": {
		"spegel: {mirroredRegistries: ['${A}', '*']}", "deny wildcard-mirror spec.values.spegel.mirroredRegistries[1] \"*\"", "A",
	},
	"the old list beside it": {
		"spegel: {mirroredRegistries: '${A}', registries: [x]}", "deny legacy-registries-key spec.values.spegel.registries", "A",
	},
	"the old list beside a key": {
		"spegel: {'${A}': '${B}', registries: [x]}", "deny legacy-registries-key spec.values.spegel.registries", "A",
	},
	"the old list with an entry": {
		"spegel: {mirroredRegistries: ['https://docker.io'], registries: ['${A}']}", "warn legacy-registries-key spec.values.spegel.registries", "",
	},
	"something else of Spegel's": {
		"spegel: {resolveTags: '${A}'}", "deny empty-mirror-list spec.values.spegel.mirroredRegistries", "",
	},
	"something else": {
		"ingress: {host: 'x.${A}', '${B}': y}\nother: '${C}'", "deny empty-mirror-list spec.values.spegel.mirroredRegistries", "",
	},
	"a list at the top": {
		"mirroredRegistries: '${A}'", "deny empty-mirror-list spec.values.spegel.mirroredRegistries", "",
	},
	"a list that is a map": {
		"spegel: {mirroredRegistries: {a: '${A}'}}", "deny invalid-mirror-url spec.values.spegel.mirroredRegistries", "A"},
	"an old name": {
		"spegel: {mirroredRegistries: ['https://docker.io'], appendMirrors: '${A}'}", "", "",
	},
}

// positioned writes a HelmRelease with values, of its own or in a ConfigMap.
func positioned(values string, inline bool) string {
	indented := func(n int) string {
		pad := strings.Repeat(" ", n)
		return pad + strings.ReplaceAll(values, "\n", "\n"+pad) + "\n"
	}
	if inline {
		return quickStart + "  values:\n" + indented(4)
	}
	return quickStart + "  valuesFrom: [{kind: ConfigMap, name: values}]\n---\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: kube-system}\ndata:\n  values.yaml: |\n" + indented(4)
}

func checkText(t *testing.T, text string, vars map[string]string) (findings, unknown []string, res *fluxrepo.Result) {
	t.Helper()
	res = check(t, fluxrepo.Options{Paths: []string{"-"}, Stdin: strings.NewReader(text), Vars: vars}, "harbor.example.com")
	for _, rel := range res.Releases {
		for _, f := range rel.Findings {
			findings = append(findings, strings.TrimSpace(fmt.Sprintf("%s %s spec.values.%s %s", f.Severity, f.Rule, f.Path, f.Value)))
		}
		for _, u := range rel.Unresolved {
			unknown = append(unknown, u.Name)
		}
	}
	return findings, unknown, res
}

// TestUnknownVariables checks what is certain with a variable without a value in each position.
func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	for name, c := range positions {
		for _, inline := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, inline %t", name, inline), func(t *testing.T) {
				t.Parallel()
				findings, unknown, res := checkText(t, positioned(c.values, inline), nil)
				if diff := cmp.Diff(c.want, strings.Join(findings, "\n")); diff != "" {
					t.Errorf("certain: -want +got:\n%s", diff)
				}
				unknown = slices.DeleteFunc(unknown, func(name string) bool { return name == "values" }) // the ConfigMap: no map, as far as it can be told
				if diff := cmp.Diff(c.matter, strings.Join(unknown, " ")); diff != "" {
					t.Errorf("variables that matter: -want +got:\n%s", diff)
				}
				if all := render("", res); strings.Contains(all, "unknown-variabl") || len(res.Releases) != 1 || len(res.Errors) > 0 {
					t.Error(all)
				}
			})
		}
	}
}

// valuesOfVariables are what variables may turn out to be.
var valuesOfVariables = []string{
	"", "5000", "443", "https", "http", "s", "docker.io", "harbor.example.com", "https://docker.io", "https://harbor.example.com", "x", "::1",
	"10.0.0.1", "1", "*", "_default", "null", "{}", "[]", "[https://docker.io]", "[https://harbor.example.com]", "true", "me@", "/", ".evil.example",
	"spegel", "gel", "mirroredRegistries", "Registries", "registries", "appendMirrors", "example.com", "harbor",
	"{mirroredRegistries: [https://docker.io]}", "{spegel: {mirroredRegistries: [https://docker.io]}}", "{registries: [x]}",
}

// TestCertainIsCertain: what is found with variables unknown is found with whatever values they have.
func TestCertainIsCertain(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7)) // the same on every run
	every, tried := 1, 0
	if testing.Short() {
		every = 16
	}
	for _, name := range slices.Sorted(maps.Keys(positions)) {
		c := positions[name]
		for _, inline := range []bool{true, false} {
			text := positioned(c.values, inline)
			_, _, certain := checkText(t, text, nil)
			try := func(a, b, c string) {
				if rng.IntN(every) > 0 {
					return
				}
				vars := map[string]string{"A": a, "B": b, "C": c}
				_, unknown, res := checkText(t, text, vars)
				if len(res.Errors) > 0 || len(unknown) > 0 || len(res.Releases) == 0 {
					return // no YAML, so Flux applies nothing of it
				}
				tried++
				for _, f := range certain.Releases[0].Findings {
					if !slices.ContainsFunc(res.Releases[0].Findings, func(g fluxrepo.Finding) bool { return f.Rule == g.Rule && f.Path.String() == g.Path.String() }) {
						t.Errorf("%s, inline %t: with %v\n%s is not found:\n%s", name, inline, vars, f.Rule, render("", res))
					}
				}
			}
			for _, v := range valuesOfVariables {
				try(v, v, v)
			}
			for range 20 {
				pick := func() string { return valuesOfVariables[rng.IntN(len(valuesOfVariables))] }
				try(pick(), pick(), pick())
			}
		}
	}
	if tried < 2000/every {
		t.Errorf("%d values tried; want more, or nothing was", tried)
	}
}
