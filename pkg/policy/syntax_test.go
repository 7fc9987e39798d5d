package policy_test

import "testing"

func TestParseNamesTheLineThatIsNotYAML(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"a tab":                      {head + "rules:\n\trenamed-key: off\n", "4: not YAML: found character that cannot start any token"},
		"two values in a line":       {head + "charts: a: b\n", "3: not YAML: mapping values are not allowed in this context"},
		"a field that is set deeper": {head + "  charts: [a]\n", "3: not YAML: mapping values are not allowed in this context"},
		"a map that stays open":      {head + "rules: {renamed-key: off\n", "3: not YAML: did not find expected ',' or '}'"},
		"a list that stays open":     {head + "charts: [a\n", "3: not YAML: did not find expected ',' or ']'"},
		"a list in a map":            {head + "rules:\n  renamed-key: off\n- a\n", "5: not YAML: did not find expected key"},
		"a map in a list":            {"- a\nb: c\n", "2: not YAML: did not find expected '-' indicator"},
		"nothing where a value goes": {head + "charts: {\n", "3: not YAML: did not find expected node content"},
		"an anchor that is not set":  {head + "charts: [a]\nrules: *rules\n", "4: not YAML: unknown anchor 'rules' referenced"},
		"a tag that is not declared": {head + "charts: !a!b c\n", "3: not YAML: found undefined tag handle"},
		"another version of YAML":    {"# policy\n%YAML 2.0\n---\n" + head, "2: not YAML: found incompatible YAML document"},
		"a control character":        {head + "charts: [\"\x01\"]\n", "3: not YAML: control characters are not allowed"},
		"what is not UTF-8":          {head + "charts: [\"\xff\"]\n", "3: not YAML: invalid leading UTF-8 octet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkError(t, c.file, c.want)
		})
	}
}
