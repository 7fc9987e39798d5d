package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// head is how every policy file begins: its first two lines.
const head = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\n"

func TestParseReadsWhatTheFileSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		want func(*policy.Policy) // what differs from the default
	}{
		"a file without settings is the default": {head, func(*policy.Policy) {}},
		"a file with everything": {head + `
privateRegistries: # host, host:port or *.domain
  - Registry.example.ts.net.
  - harbor.example.com:8443
  - "*.internal.example.com"
  - "[2001:db8::1]:5000"
rules:
  empty-mirror-list: warn
  misplaced-registries-key: deny
  renamed-key: off
charts: [spegel, my-spegel, oci://ghcr.io/spegel-org/helm-charts/spegel, https://charts.example.com/spegel-0.7.4.tgz]
unresolved: deny
`, func(p *policy.Policy) {
			p.PrivateRegistries = registries(t, "registry.example.ts.net", "harbor.example.com:8443", "*.internal.example.com", "[2001:db8::1]:5000")
			p.Severities = map[string]validate.Severity{
				"empty-mirror-list": validate.Warn, "misplaced-registries-key": validate.Deny, "renamed-key": validate.Off,
			}
			p.Charts = []string{"spegel", "my-spegel", "oci://ghcr.io/spegel-org/helm-charts/spegel", "https://charts.example.com/spegel-0.7.4.tgz"}
			p.Unresolved = policy.UnresolvedDeny
		}},
		"the order of the fields is free": {"unresolved: deny\nkind: Policy\napiVersion: spegel-guard.dev/v1alpha1\n", func(p *policy.Policy) {
			p.Unresolved = policy.UnresolvedDeny
		}},
		"an empty list of private registries is fine":       {head + "privateRegistries: []\n", func(*policy.Policy) {}},
		"an empty map of rules is fine":                     {head + "rules: {}\n", func(*policy.Policy) {}},
		"a host and the same host with a port differ":       {head + "privateRegistries: [a.example, a.example:443]\n", private(t, "a.example", "a.example:443")},
		"a host and its subdomains differ":                  {head + "privateRegistries: [a.example, '*.a.example']\n", private(t, "a.example", "*.a.example")},
		"JSON is YAML":                                      {`{"apiVersion": "spegel-guard.dev/v1alpha1", "kind": "Policy", "unresolved": "warn"}`, func(*policy.Policy) {}},
		"a byte order mark and Windows' lines are fine":     {"\ufeffapiVersion: spegel-guard.dev/v1alpha1\r\nkind: Policy\r\n", func(*policy.Policy) {}},
		"a document may begin and end with its markers":     {"---\n" + head + "...\n", func(*policy.Policy) {}},
		"an alias stands for what it names":                 {head + "privateRegistries: &private [a.example]\ncharts: *private\n", func(p *policy.Policy) { private(t, "a.example")(p); p.Charts = []string{"a.example"} }},
		"a tag that says what the value is changes nothing": {head + "privateRegistries: [!!str a.example]\n", private(t, "a.example")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := policy.Parse("policy.yaml", []byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			want := policy.Default()
			c.want(want)
			if diff := diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheDefaultTakesSpegelForSpegelAndWarnsOfWhatIsUnresolved(t *testing.T) {
	t.Parallel()
	want := &policy.Policy{Charts: []string{"spegel"}, Unresolved: policy.UnresolvedWarn}
	if diff := diff(want, policy.Default()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	policy.Default().Charts[0] = "changed"
	if got := policy.Default().Charts[0]; got != "spegel" {
		t.Errorf("who changes a default changes all: %s", got)
	}
}

func private(tb testing.TB, names ...string) func(*policy.Policy) {
	tb.Helper()
	return func(p *policy.Policy) { p.PrivateRegistries = registries(tb, names...) }
}

func registries(tb testing.TB, names ...string) []validate.Registry {
	tb.Helper()
	var out []validate.Registry
	for _, name := range names {
		r, err := validate.ParseRegistry(name)
		if err != nil {
			tb.Fatalf("%q: %v", name, err)
		}
		out = append(out, r)
	}
	return out
}

// diff compares policies, for which no map of severities is as good as an empty one.
func diff(want, got *policy.Policy) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b validate.Registry) bool { return a == b }))
}
