package policy_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

var errorLine = regexp.MustCompile(`^policy\.yaml:([1-9]\d*): [[:print:]]+$`)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", head, head + "privateRegistries: [a.example, 'b.example:443', '*.bücher.example', '[2001:DB8::1]:5000']\n",
		head + "rules: {renamed-key: off, empty-mirror-list: warn}\ncharts: [oci://ghcr.io/a/spegel]\nunresolved: deny\n",
		head + "rules: &r {renamed-key: *r}\ncharts: [*r]\n", head + "? [a, &b c]\n: *b\n", head + "---\n" + head, "%TAG ! a\n--- !b c",
		head + "\"is\\nimmutable\": \"\\u2028\"\n", head + "<<: {<<: {}}\n", "\xff\xfea\x00", "{a: {b", "- a\nb: c", head + "\ttab", "--- |\n a", "privateRegistries: ['ü:0']",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse("policy.yaml", data)
		if err != nil {
			last := 0
			for line := range strings.SplitSeq(err.Error(), "\n") {
				match := errorLine.FindStringSubmatch(line)
				if match == nil {
					t.Fatalf("%q is not a line with file and line number", line)
				}
				var n int
				if _, err := fmt.Sscan(match[1], &n); err != nil || n < last || n > strings.Count(string(data), "\n")+strings.Count(string(data), "\r")+2 {
					t.Errorf("line %d after line %d, error %v: %s", n, last, err, line)
				}
				last = n
			}
			return
		}
		file := encode(t, p)
		again, err := policy.Parse("policy.yaml", file)
		if err != nil {
			t.Fatalf("written again as\n%s\nit has an error: %v", file, err)
		}
		if diff := diff(p, again); diff != "" {
			t.Errorf("written again as\n%s\nit says something else (-first +second):\n%s", file, diff)
		}
	})
}

// encode writes a policy as a file.
func encode(t *testing.T, p *policy.Policy) []byte {
	t.Helper()
	file := map[string]any{
		"apiVersion": policy.APIVersion, "kind": policy.Kind, "charts": p.Charts, "unresolved": string(p.Unresolved),
	}
	private := []string{}
	for _, r := range p.PrivateRegistries {
		private = append(private, r.String())
	}
	file["privateRegistries"] = private
	rules := map[string]string{}
	for id, severity := range p.Severities {
		rules[id] = string(severity)
	}
	file["rules"] = rules
	data, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
