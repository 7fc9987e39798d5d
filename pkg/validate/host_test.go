package validate_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func TestParseRegistryReadsHostsIntoCanonicalForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"a host":                                 {"harbor.example.com", "harbor.example.com"},
		"a host with a port":                     {"harbor.example.com:8443", "harbor.example.com:8443"},
		"a name without a dot":                   {"registry:5000", "registry:5000"},
		"a default port is a port":               {"harbor.example.com:443", "harbor.example.com:443"},
		"a port with leading zeros":              {"harbor.example.com:0443", "harbor.example.com:443"},
		"the highest port":                       {"harbor.example.com:65535", "harbor.example.com:65535"},
		"a domain":                               {"*.example.com", "*.example.com"},
		"a domain with a port":                   {"*.example.com:8443", "*.example.com:8443"},
		"upper case":                             {"*.Harbor.EXAMPLE.com", "*.harbor.example.com"},
		"a trailing dot":                         {"harbor.example.com.", "harbor.example.com"},
		"a trailing dot before a port":           {"harbor.example.com.:8443", "harbor.example.com:8443"},
		"a name in Unicode":                      {"Bücher.example", "xn--bcher-kva.example"},
		"a domain in Unicode":                    {"*.bücher.example", "*.xn--bcher-kva.example"},
		"a name in full-width letters and stops": {"ｈarbor。example．com", "harbor.example.com"},
		"a name in Punycode":                     {"XN--bcher-kva.example", "xn--bcher-kva.example"},
		"underscores, as in Docker's names":      {"my_registry_1:5000", "my_registry_1:5000"},
		"an IPv4 address":                        {"10.0.0.1", "10.0.0.1"},
		"an IPv4 address with a port":            {"10.0.0.1:5000", "10.0.0.1:5000"},
		"an IPv6 address":                        {"2001:DB8:0:0::1", "2001:db8::1"},
		"an IPv6 address that ends in colons":    {"fe80::", "fe80::"},
		"an IPv6 address in brackets":            {"[2001:db8::1]", "2001:db8::1"},
		"an IPv6 address with a port":            {"[2001:0db8::1]:5000", "[2001:db8::1]:5000"},
		"containerd's folder of a host and port": {"harbor.example.com_8443_", "harbor.example.com:8443"},
		"a label of 63 letters":                  {strings.Repeat("a", 63) + ".example", strings.Repeat("a", 63) + ".example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := validate.ParseRegistry(c.in)
			if err != nil || r.String() != c.want {
				t.Errorf("%q: got %q, error %v; want %q", c.in, r, err, c.want)
			}
			if again, err := validate.ParseRegistry(r.String()); err != nil || again != r {
				t.Errorf("%q is read as %q, error %v", r, again, err)
			}
		})
	}
}

func TestParseRegistryRefusesWhatIsNoHost(t *testing.T) {
	t.Parallel()
	const forms = "; want host, host:port or *.domain"
	const badPort = "port is not a number from 1 to 65535"
	for name, c := range map[string]struct{ in, want string }{
		"nothing":                       {"", "empty" + forms},
		"a scheme":                      {"https://harbor.example.com", "has a scheme" + forms},
		"a path":                        {"harbor.example.com/library", "has a path or a query" + forms},
		"a trailing slash":              {"harbor.example.com/", "has a path or a query" + forms},
		"a query":                       {"harbor.example.com?a=b", "has a path or a query" + forms},
		"a fragment":                    {"harbor.example.com#a", "has a path or a query" + forms},
		"user info":                     {"robot:secret@harbor.example.com", "has user info" + forms},
		"a colon without a port":        {"harbor.example.com:", "ends in a colon" + forms},
		"brackets and a colon":          {"[2001:db8::1]:", "ends in a colon" + forms},
		"port zero":                     {"harbor.example.com:0", badPort},
		"a port that is too high":       {"harbor.example.com:65536", badPort},
		"a port that is no number":      {"harbor.example.com:https", badPort},
		"a negative port":               {"harbor.example.com:-1", badPort},
		"a bracket that stays open":     {"[2001:db8::1", "brackets are for an IPv6 address" + forms},
		"brackets around a name":        {"[harbor.example.com]:8443", "brackets are for an IPv6 address" + forms},
		"a port that sticks":            {"[2001:db8::1]5000", "brackets are for an IPv6 address" + forms},
		"an address with a zone":        {"fe80::1%eth0", "an IP address with a zone" + forms},
		"subdomains of an address":      {"*.10.0.0.1", "an IP address has no subdomains" + forms},
		"subdomains of an IPv6 address": {"*.2001:db8::1", "an IP address has no subdomains" + forms},
		"all hosts":                     {"*", "not a host name" + forms},
		"all subdomains of nothing":     {"*.", "not a host name" + forms},
		"a star inside":                 {"harbor.*.com", "not a host name" + forms},
		"two stars":                     {"*.*.com", "not a host name" + forms},
		"white space":                   {"harbor .example.com", "not a host name" + forms},
		"a space at the end":            {"harbor.example.com ", "not a host name" + forms},
		"a line break":                  {"harbor.example.com\n", "not a host name" + forms},
		"an empty label":                {"harbor..example.com", "not a host name" + forms},
		"a leading dot":                 {".example.com", "not a host name" + forms},
		"two trailing dots":             {"example.com..", "not a host name" + forms},
		"a label that begins with -":    {"-a.example.com", "not a host name" + forms},
		"a label that ends with -":      {"a-.example.com", "not a host name" + forms},
		"a comma":                       {"a.example.com,b.example.com", "not a host name" + forms},
		"three parts":                   {"a:b:c", "not a host name" + forms},
		"a label of 64 letters":         {strings.Repeat("a", 64), "not a host name" + forms},
		"a name of 254 letters":         {strings.Repeat("a.", 126) + "aa", "host name is longer than 253 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := validate.ParseRegistry(c.in)
			if err == nil || err.Error() != c.want {
				t.Errorf("%q: got %q, error %v; want error %s", c.in, r, err, c.want)
			}
		})
	}
}

func TestARegistryWithoutAHostMatchesNothing(t *testing.T) {
	t.Parallel()
	policy := validate.Policy{PrivateRegistries: make([]validate.Registry, 1)}
	for _, entry := range []string{"https://docker.io", "https://.", "https://", "", "https://:443"} {
		values := map[string]any{"spegel": map[string]any{"mirroredRegistries": []any{entry}}}
		found, _ := validate.Validate(validate.Input{Values: values}, policy)
		for _, f := range found {
			if f.Rule == "private-registry-mirrored" {
				t.Errorf("%q: %s", entry, f.Text())
			}
		}
	}
	if s := policy.PrivateRegistries[0].String(); s != "" {
		t.Errorf("it is written as %q", s)
	}
}
