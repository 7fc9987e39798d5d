package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

func TestAConfigMapHoldsThePolicy(t *testing.T) {
	t.Parallel()
	const literal = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p}\ndata:\n  policy.yaml: |\n" // the policy begins in line 6
	indented := func(lines ...string) string { return "    " + strings.Join(lines, "\n    ") + "\n" }
	good := indented("apiVersion: spegel-guard.dev/v1alpha1", "kind: Policy", "unresolved: deny")
	for name, c := range map[string]struct{ file, want string }{
		"a policy":                {literal + good, ""},
		"a policy in quotes":      {"apiVersion: v1\nkind: ConfigMap\ndata:\n  policy.yaml: 'apiVersion: spegel-guard.dev/v1alpha1\n\n    kind: Policy\n\n    unresolved: deny'\n", ""},
		"a policy in flow style":  {`{"apiVersion":"v1","kind":"ConfigMap","data":{"policy.yaml":"apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nunresolved: deny\n"}}`, ""},
		"an alias":                {"apiVersion: v1\nkind: ConfigMap\ndata:\n  other: &p |\n" + good + "  policy.yaml: *p\n", ""},
		"a mistake":               {literal + indented("apiVersion: spegel-guard.dev/v1alpha1", "kind: Policy", "unresolved: maybe"), `f:8: unresolved: "maybe"; want warn or deny`},
		"a key twice":             {literal + indented("apiVersion: spegel-guard.dev/v1alpha1", "kind: Policy", "kind: Policy"), "f:8: kind: set twice, first in line 7"},
		"a mistake on one line":   {"apiVersion: v1\nkind: ConfigMap\ndata:\n  policy.yaml: \"a: b\\nc: [\"\n", "f:4: not YAML: did not find expected node content"},
		"no YAML inside":          {literal + indented("apiVersion: a: b"), "f:6: not YAML: mapping values are not allowed in this context"},
		"nothing inside":          {"apiVersion: v1\nkind: ConfigMap\ndata:\n  policy.yaml: ''\n", "f:4: empty; want apiVersion: spegel-guard.dev/v1alpha1 and kind: Policy"},
		"two policies inside":     {literal + good + "    ---\n    a: b\n", "f:9: a second document; want one policy"},
		"another key":             {"apiVersion: v1\nkind: ConfigMap\ndata:\n  policy: |\n" + good, "f:1: data: a ConfigMap without the key policy.yaml, which has to hold the policy"},
		"no data":                 {"\napiVersion: v1\nkind: ConfigMap\n", "f:2: data: a ConfigMap without the key policy.yaml, which has to hold the policy"},
		"data that is a list":     {"apiVersion: v1\nkind: ConfigMap\ndata: [a]\n", "f:1: data: a ConfigMap without the key policy.yaml, which has to hold the policy"},
		"a policy that is a map":  {"apiVersion: v1\nkind: ConfigMap\ndata:\n  policy.yaml: {a: b}\n", "f:4: data.policy.yaml: a map; want a string"},
		"a ConfigMap in a policy": {literal + indented("apiVersion: v1", "kind: ConfigMap"), "f:6: apiVersion: \"v1\"; want spegel-guard.dev/v1alpha1\nf:7: kind: \"ConfigMap\"; want Policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := policy.Parse("f", []byte(c.file))
			got := ""
			if err != nil {
				got = err.Error()
			} else if p.Unresolved != policy.UnresolvedDeny {
				t.Errorf("unresolved is %q, not what the file says", p.Unresolved)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheInstalledConfigMapIsAPolicy(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "manifests", "base", "policy.yaml")
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Load(path, nil); err != nil {
		t.Errorf("--config with the ConfigMap of the manifests: %v", err)
	}
}
