package release

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAliasesCountAsWhatTheyStandFor: they are written out when a document is read, which would take all the memory there is.
func TestAliasesCountAsWhatTheyStandFor(t *testing.T) {
	t.Parallel()
	const list = "\nspegel: {mirroredRegistries: ['*']}\n"
	few := "a: &a {b: &b x}\nc: [*a, *b, *a]" + list
	for name, tc := range map[string]struct{ text, unread string }{
		"a few":                         {few, ""},
		"a long scalar, many times":     {"a: &a " + strings.Repeat("x", 10_000) + "\nb: [" + strings.Repeat("*a,", 500) + "]" + list, "is too large"},
		"a list of lists":               {lists(9, 9) + list, "is too large"},
		"a key, many times":             {"? &a " + strings.Repeat("x", 10_000) + "\n: 1\nb: [" + strings.Repeat("{*a : 1},", 500) + "]" + list, "is too large"},
		"one within itself":             {"a: &a [*a]" + list, notYAML},
		"signs that are none":           {"a: 'x & y * z'" + list, ""},
		"signs in what can't be parsed": {"a: [&a, *" + list, notYAML},
		"two documents":                 {few + "---\n" + lists(9, 9), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := resolve(t, helmRelease(t, "", from("ConfigMap", "c")), newCluster(configMap("c", values(tc.text)))).Evaluate(privatePolicy(t))
			var want []string
			if tc.unread != "" {
				want = []string{"ConfigMap c/values.yaml: " + tc.unread}
			}
			if diff := cmp.Diff(want, untold(res)); diff != "" || (want == nil) != (len(res.Findings) == 1) {
				t.Errorf("findings %v, unresolved (-want +got)\n%s", told(res), diff)
			}
		})
	}
}

// lists is a document with lists of aliases, each of the one before.
func lists(depth, width int) string {
	var text strings.Builder
	text.WriteString("l0: &l0 x\n")
	for i := range depth {
		fmt.Fprintf(&text, "l%d: &l%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*l%d,", i), width))
	}
	return text.String()
}
