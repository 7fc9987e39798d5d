package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

const (
	wantFields  = "unknown field; want apiVersion, kind, privateRegistries, rules, charts or unresolved"
	wantRules   = "unknown rule; want one of legacy-registries-key, empty-mirror-list, wildcard-mirror, private-registry-mirrored, invalid-mirror-url, misplaced-registries-key, renamed-key, ineffective-mirror"
	wantForms   = "; want host, host:port or *.domain"
	wantChart   = ": want the name of a chart, or its oci:// or https:// URL"
	wantVersion = "want spegel-guard.dev/v1alpha1"
)

// Line 3 is the first after the head.
func TestParseNamesFileLineAndFieldOfEveryMistake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"an empty file":                 {"", "1: empty; want apiVersion: spegel-guard.dev/v1alpha1 and kind: Policy"},
		"nothing but a comment":         {"# policy\n", "1: empty; want apiVersion: spegel-guard.dev/v1alpha1 and kind: Policy"},
		"an empty document":             {"---\n", "2: null; want a map"},
		"a list":                        {"- a\n", "1: a list; want a map"},
		"a string":                      {"\npolicy\n", "2: a string; want a map"},
		"a second document":             {head + "---\n" + head, "3: a second document; want one policy"},
		"an empty second document":      {head + "---\n", "3: a second document; want one policy"},
		"a second document not YAML":    {head + "---\na: b: c\n", "4: not YAML: mapping values are not allowed in this context"},
		"no apiVersion":                 {"kind: Policy\n", "1: apiVersion: missing; " + wantVersion},
		"neither of the two":            {"unresolved: warn\n", "1: apiVersion: missing; " + wantVersion + "\n1: kind: missing; want Policy"},
		"no kind":                       {"apiVersion: spegel-guard.dev/v1alpha1\n", "1: kind: missing; want Policy"},
		"another apiVersion":            {"apiVersion: v1\nkind: Policy\n", `1: apiVersion: "v1"; ` + wantVersion},
		"another kind":                  {"apiVersion: spegel-guard.dev/v1alpha1\nkind: ConfigMap\n", `2: kind: "ConfigMap"; want Policy`},
		"an apiVersion of another type": {"apiVersion: 1\nkind: Policy\n", "1: apiVersion: a number; want a string"},
		"an unknown field":              {head + "privateRegistry: [a]\n", "3: privateRegistry: " + wantFields},
		"a field in another case":       {head + "Rules: {}\n", "3: Rules: " + wantFields},
		"an empty field name":           {head + "\"\": {}\n", `3: "": ` + wantFields},
		"a field name of two lines":     {head + "\"is\\nimmutable\": {}\n", "3: is_immutable: " + wantFields},
		"a merge key":                   {head + "<<: {unresolved: deny}\n", "3: <<: " + wantFields},
		"a list as a key":               {head + "? [a]\n: b\n", "3: a list as a key; want a string"},
		"a key that stands twice":       {head + "kind: Policy\n", "3: kind: set twice, first in line 2"},
		"an alias as a second key":      {head + "unresolved: &key charts\n? *key\n: [a]\ncharts: [b]\n", "3: unresolved: \"charts\"; want warn or deny\n6: charts: set twice, first in line 4"},

		"a private registry that is null":      {head + "privateRegistries:\n", "3: privateRegistries: null; want a list"},
		"a private registry outside of a list": {head + "privateRegistries: a.example\n", "3: privateRegistries: a string; want a list"},
		"private registries as a map":          {head + "privateRegistries: {a: b}\n", "3: privateRegistries: a map; want a list"},
		"a private registry with a scheme":     {head + "privateRegistries:\n- a.example\n- https://b.example\n", `5: privateRegistries[1]: "https://b.example": has a scheme` + wantForms},
		"a private registry with a path":       {head + "privateRegistries: [a.example/b]\n", `3: privateRegistries[0]: "a.example/b": has a path or a query` + wantForms},
		"a private registry with a password":   {head + "privateRegistries: ['u:p@a.example']\n", `3: privateRegistries[0]: "***@a.example": has user info` + wantForms},
		"a private registry without a name":    {head + "privateRegistries: ['']\n", `3: privateRegistries[0]: "": empty` + wantForms},
		"a private registry with a bad port":   {head + "privateRegistries: ['a.example:0']\n", `3: privateRegistries[0]: "a.example:0": port is not a number from 1 to 65535`},
		"a private registry of all hosts":      {head + "privateRegistries: ['*']\n", `3: privateRegistries[0]: "*": not a host name` + wantForms},
		"a private registry of two lines":      {head + "privateRegistries: [\"a\\nb\"]\n", `3: privateRegistries[0]: "a\nb": not a host name` + wantForms},
		"a private registry listed twice":      {head + "privateRegistries: [a.example, b.example, a.example]\n", `3: privateRegistries[2]: "a.example" is listed twice`},
		"one listed twice in other words":      {head + "privateRegistries:\n- bücher.example\n- XN--Bcher-kva.example.\n", `5: privateRegistries[1]: "XN--Bcher-kva.example." is listed twice`},
		"private registries of other types": {
			head + "privateRegistries: [1, ~, true, 2026-01-01, !tag a, [], {}, !!binary YQ==]\n",
			"3: privateRegistries[0]: a number; want a string\n3: privateRegistries[1]: null; want a string\n" +
				"3: privateRegistries[2]: a boolean; want a string\n3: privateRegistries[3]: a date; want a string\n" +
				"3: privateRegistries[4]: a value tagged !tag; want a string\n3: privateRegistries[5]: a list; want a string\n" +
				"3: privateRegistries[6]: a map; want a string\n3: privateRegistries[7]: a value tagged binary; want a string",
		},
		"an alias to what holds it": {head + "privateRegistries: &a [*a]\n", "3: privateRegistries[0]: a list; want a string"},

		"rules that are null":        {head + "rules:\n", "3: rules: null; want a map"},
		"rules as a list":            {head + "rules: [renamed-key]\n", "3: rules: a list; want a map"},
		"an unknown rule":            {head + "rules:\n  renamed-keys: warn\n", "4: rules.renamed-keys: " + wantRules},
		"an unknown severity":        {head + "rules:\n  renamed-key: error\n", `4: rules.renamed-key: "error"; want deny, warn or off`},
		"a severity in another case": {head + "rules: {renamed-key: Deny}\n", `3: rules.renamed-key: "Deny"; want deny, warn or off`},
		"a severity that is null":    {head + "rules: {renamed-key: }\n", "3: rules.renamed-key: null; want a string"},
		"a severity as a boolean":    {head + "rules: {renamed-key: false}\n", "3: rules.renamed-key: a boolean; want a string"},
		"a rule that stands twice":   {head + "rules:\n  renamed-key: warn\n  renamed-key: off\n", "5: rules.renamed-key: set twice, first in line 4"},

		"charts that are null":        {head + "charts: ~\n", "3: charts: null; want a list"},
		"no charts":                   {head + "charts: []\n", "3: charts: empty, so no release would be Spegel's; remove the field for the default"},
		"a chart without a name":      {head + "charts: ['']\n", `3: charts[0]: ""` + wantChart},
		"a chart that is a path":      {head + "charts: [charts/spegel]\n", `3: charts[0]: "charts/spegel"` + wantChart},
		"a chart with white space":    {head + "charts: ['spegel ']\n", `3: charts[0]: "spegel "` + wantChart},
		"a chart in other letters":    {head + "charts: [spégel]\n", `3: charts[0]: "sp\u00e9gel"` + wantChart},
		"a chart by http":             {head + "charts: ['http://a.example/spegel']\n", `3: charts[0]: "http://a.example/spegel"` + wantChart},
		"a chart URL without a chart": {head + "charts: ['oci://ghcr.io/']\n", `3: charts[0]: "oci://ghcr.io/"` + wantChart},
		"a chart URL without a host":  {head + "charts: ['oci:///spegel']\n", `3: charts[0]: "oci:///spegel"` + wantChart},
		"a chart URL with a password": {head + "charts: ['oci://u:p@ghcr.io/spegel']\n", `3: charts[0]: "***@ghcr.io/spegel"` + wantChart},
		"a chart URL that is no URL":  {head + "charts: ['oci://ghcr.io:x/spegel']\n", `3: charts[0]: "oci://ghcr.io:x/spegel"` + wantChart},
		"a chart listed twice":        {head + "charts: [spegel, spegel]\n", `3: charts[1]: "spegel" is listed twice`},
		"a chart URL listed twice":    {head + "charts: ['oci://a/b', 'oci://a/b/']\n", `3: charts[1]: "oci://a/b/" is listed twice`},
		"unresolved of another kind":  {head + "unresolved: off\n", `3: unresolved: "off"; want warn or deny`},
		"unresolved that is null":     {head + "unresolved:\n", "3: unresolved: null; want a string"},
		"unresolved of another type":  {head + "unresolved: [warn]\n", "3: unresolved: a list; want a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkError(t, c.file, c.want)
		})
	}
}

func TestParseReportsAllMistakesInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	checkError(t, `kind: Policies
privateRegistries:
  - https://a.example
  - a.example
  - A.example
rules:
  foo: deny
  renamed-key: never
extra: true
charts: spegel
`, `1: kind: "Policies"; want Policy
1: apiVersion: missing; `+wantVersion+`
3: privateRegistries[0]: "https://a.example": has a scheme`+wantForms+`
5: privateRegistries[2]: "A.example" is listed twice
7: rules.foo: `+wantRules+`
8: rules.renamed-key: "never"; want deny, warn or off
9: extra: `+wantFields+`
10: charts: a string; want a list`)
}

// checkError compares an error with lines to each of which the name of the file is put in front.
func checkError(t *testing.T, file, want string) {
	t.Helper()
	p, err := policy.Parse("policy.yaml", []byte(file))
	if err == nil || p != nil {
		t.Fatalf("policy %v, error %v; want no policy and an error", p, err)
	}
	lines := strings.Split(want, "\n")
	for i := range lines {
		lines[i] = "policy.yaml:" + lines[i]
	}
	if diff := cmp.Diff(lines, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
