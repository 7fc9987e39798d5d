package validate_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// images are the hosts that images of private registries are pulled from, as containerd reads them in the names of images.
var images = map[string][]string{
	"harbor.example.com":     everyPort("harbor.example.com"),
	"reg.example.com:8443":   {"reg.example.com:8443"},
	"dir.example.com_8443_":  {"dir.example.com:8443"},
	"tls.example.com:443":    {"tls.example.com", "tls.example.com:443"},
	"plain.example.com:80":   {"plain.example.com:80"},
	"*.internal.example.com": append(everyPort("a.internal.example.com"), everyPort("a.b.internal.example.com")...),
	"[2001:db8::1]:5000":     {"[2001:db8::1]:5000"},
	"10.0.0.1":               everyPort("10.0.0.1"),
	"index.docker.io":        everyPort("docker.io"),
}

// everyPort is a host with none of the ports of generated entries, and with each.
func everyPort(host string) []string {
	return []string{host, host + ":443", host + ":80", host + ":8443", host + ":5000", host + ":99999"}
}

// harmless are the reasons for which a value may be denied that does no harm on a node.
var harmless = map[string]func(f validate.Finding, entry any) bool{
	"a map works as a list does, by the order of its keys": func(f validate.Finding, _ any) bool {
		return f.Message == "is a map, not a list"
	},
	"a missing host, or one of dots: the entry names no registry, though a person may read one in it": func(_ validate.Finding, entry any) bool {
		u, err := url.Parse(fmt.Sprint(entry))
		return err == nil && strings.Trim(u.Hostname(), ".") == ""
	},
	"another spelling of a private host: containerd does not look for it, and the next one who tidies it up makes it bad": func(f validate.Finding, entry any) bool {
		u, err := url.Parse(fmt.Sprint(entry))
		return f.Rule == "private-registry-mirrored" && err == nil && !plainlyWritten(u)
	},
}

// plainlyWritten reports whether a host is written as in the names of images.
func plainlyWritten(u *url.URL) bool {
	return u.Host == strings.ToLower(u.Host) && !strings.HasPrefix(u.Host, ".") && !strings.Contains(u.Host+"_", "._") && !strings.Contains(u.Host, ".:") && !strings.HasSuffix(u.Host, ":") &&
		!strings.HasPrefix(u.Port(), "0") && !strings.HasPrefix(u.Host, "index.docker.io") && !strings.Contains(u.Host, "%") && u.Hostname() != "2001:db8:0::1"
}

// No value that puts Spegel in front of a private registry passes, and none that does no harm is denied.
func TestTheRulesAgreeWithAModelOfSpegel(t *testing.T) {
	t.Parallel()
	var private []string
	for name := range images {
		private = append(private, name)
	}
	policy := validate.Policy{PrivateRegistries: registries(t, private...)}
	n := &node{t: t, root: t.TempDir(), roots: map[string]string{}, reads: map[[2]string]bool{}}
	counts, excused := map[string]int{}, map[string]int{}
	for seed := range uint64(120_000) {
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		version := pick(g, "0.7.4", "0.7.4", "0.7.4", "", ">=0.0.1", "latest", "v0.0.30", "0.0.14", "0.0.30-rc.1", "0.0.30+build", "0.1.0-rc.1", "0.1.0", "0.3.0",
			"0.4.0-rc.1", "v0.4.5", "0.5.0")
		values := g.values()
		c := chartOf(version)
		folders, err := c.install(values)
		between := slices.ContainsFunc(private, func(name string) bool {
			return slices.ContainsFunc(images[name], func(host string) bool { return n.asksSpegel(host, folders) })
		})
		findings, undecided := validate.Validate(validate.Input{Values: values, ChartVersion: version, OwnChart: true}, policy)
		denied := slices.DeleteFunc(findings, func(f validate.Finding) bool { return f.Severity != validate.Deny })
		says := func() string { return fmt.Sprintf("seed %d, chart %q: %#v", seed, version, values) }
		if c.minor == 0 && slices.Equal(folders, []string{"docker.io", "ghcr.io"}) && entryAt(values, validate.Path{"spegel", "registries"}) == nil {
			counts["default of an older chart"]++ // is no finding, also where the policy calls Docker Hub private
			if len(denied) > 0 {
				t.Fatalf("%s\nhas the chart's own list; denied: %v", says(), denied)
			}
			continue
		}
		switch {
		case len(undecided) > 0:
			t.Fatalf("%s\nundecided, and all is known", says())
		case between && !slices.ContainsFunc(denied, func(f validate.Finding) bool { return f.Effect == validate.StandsBetween }):
			t.Fatalf("%s\nwrites %q, which puts Spegel in front of a private registry, and passes", says(), folders)
		case err != nil && len(denied) == 0:
			t.Fatalf("%s\nSpegel does not start (%v), and it passes", says(), err)
		case err == nil && !between:
			counts["harmless"]++
			for _, f := range denied {
				entry := entryAt(values, f.Path)
				if m, ok := entry.(map[string]any); ok {
					entry = m["a"] // the only one of a generated map
				}
				why := excuse(f, entry)
				if why == "" {
					t.Fatalf("%s\nwrites %q and does no harm; denied: %s %s [%s]", says(), folders, f.Path, f.Text(), f.Rule)
				}
				excused[why]++
			}
		case between:
			counts["between"]++
		default:
			counts["broken"]++
		}
	}
	t.Logf("%v, excused %v, %d folders asked for", counts, excused, len(n.reads))
	for _, kind := range []string{"harmless", "between", "broken"} {
		if counts[kind] < 5_000 {
			t.Errorf("%d values are %s, want thousands", counts[kind], kind)
		}
	}
	for why := range harmless {
		if excused[why] == 0 {
			t.Errorf("nothing is excused as: %s", why)
		}
	}
}

func excuse(f validate.Finding, entry any) string {
	for why, holds := range harmless {
		if holds(f, entry) {
			return why
		}
	}
	return ""
}

// chartOf is the chart of a version; the current one where that is none.
func chartOf(version string) chart {
	var c chart
	var patch int
	if n, _ := fmt.Sscanf(strings.TrimPrefix(version, "v"), "0.%d.%d", &c.minor, &patch); n < 2 {
		return current
	}
	return c
}

func entryAt(values any, path validate.Path) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			m, _ := values.(map[string]any)
			values = m[key]
		case int:
			l, _ := values.([]any)
			values = l[key]
		}
	}
	return values
}

type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g generator) values() any {
	if g.chance(2) {
		return pick[any](g, nil, "x", 1, true, []any{}, map[string]any{})
	}
	values := map[string]any{}
	if g.chance(5) {
		values[pick(g, "registries", "mirroredRegistries", "image")] = g.list()
	}
	if g.chance(97) {
		values["spegel"] = g.spegel()
	}
	return values
}

func (g generator) spegel() any {
	if g.chance(2) {
		return pick[any](g, nil, "x", 0, false, []any{})
	}
	spegel := map[string]any{}
	for _, key := range []struct {
		name    string
		percent int
	}{{"mirroredRegistries", 85}, {"registries", 25}, {"additionalMirrorTargets", 8}, {"additionalMirrorRegistries", 3}} {
		if g.chance(key.percent) {
			spegel[key.name] = g.list()
		}
	}
	if g.chance(12) {
		spegel["containerdMirrorAdd"] = pick[any](g, true, false, nil, 0, 1, "", "false")
	}
	if g.chance(5) {
		spegel[pick(g, "prependExisting", "appendMirrors", "mirrorredRegistries", "resolveLatestTag")] = true
	}
	return spegel
}

func (g generator) list() any {
	switch n := g.IntN(100); {
	case n < 4:
		return pick[any](g, nil, "", "x", "https://docker.io", 0, 3, true, false, []any{}, map[string]any{})
	case n < 6:
		return map[string]any{"a": g.entry()}
	}
	list := []any{}
	for range 1 + g.IntN(3) {
		list = append(list, g.entry())
	}
	return list
}

func (g generator) entry() any {
	switch n := g.IntN(100); {
	case n < 2:
		return pick[any](g, nil, 1, true, []any{}, map[string]any{}, "", "x", "-x")
	case n < 5:
		return pick(g, "*", "_default", "https://_default", "http://_default:443", "_default/", "https://*")
	case n < 65:
		return "https://" + pick(g, "ghcr.io", "quay.io", "registry.k8s.io", "mirror.example.com:5000", "example.com", "internal.example.com")
	}
	host := pick(g, "harbor.example.com", "reg.example.com", "dir.example.com", ".", "..", "-", ".a.internal.example.com", "[::1", "tls.example.com",
		"plain.example.com", "a.internal.example.com", "a.b.internal.example.com", "internal.example.com", "[2001:db8::1]", "[2001:db8:0::1]", "10.0.0.1", "docker.io", "index.docker.io", "Harbor.Example.com", "harbor.example.com.", "ghcr.io", "")
	return pick(g, "https://", "https://", "https://", "https://", "http://", "HTTPS://", "//", "", "ftp://", "https:") + pick(g, "", "", "", "", "", "", "", "", "a:b@") +
		host + pick(g, "", "", "", ":443", ":80", ":8443", ":5000", "_8443_", "_443_", "_5000_", "_80_", ":08443", ":99999", ":") +
		pick(g, "", "", "", "", "", "", "", "", "", "/", "/v2", "?", "?a=b", "#x")
}
