package node

import (
	"context"
	"net/netip"
	"net/url"
	"regexp"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// spegelMatcher recognizes Spegel among the hosts that a file names. Every version of Spegel writes itself as plain HTTP, at an address of
// the node (127.0.0.1 in the first versions), at the ports of the chart's values and, since v0.4, with a dial_timeout of
// 200ms.
type spegelMatcher map[string]string // by scheme and port: the DaemonSet that points containerd there

// chartPorts are those that Spegel's chart publishes: hostPort and nodePort by default, and hostPort as
// it is usually set on Talos. Its values may name others.
func chartPorts() []string { return []string{"30020", "30021", "29999"} }

// embeddedPorts are those at which k3s and RKE2 serve the Spegel that they have built in, with `embedded-registry: true`
// (docs.k3s.io/installation/registry-mirror, docs.rke2.io/install/registry_mirror).
func embeddedPorts() []string { return []string{"6443", "9345"} }

// aVariable is what Kubernetes puts an environment variable into.
var aVariable = regexp.MustCompile(`\$\([^)]*\)`)

// matcher asks the cluster, if there is one, where Spegel's pods point containerd.
func (x *run) matcher(ctx context.Context) spegelMatcher {
	s := spegelMatcher{}
	all, _ := x.spegel(ctx)
	for _, placed := range all {
		targets := slices.Clone(placed.Targets)
		for i := range placed.Pods {
			targets = append(targets, placed.Pods[i].Targets...) // what an older template wrote may be there still
		}
		for _, target := range targets {
			// of http://$(NODE_IP):30020 all but the host is known
			if u, err := url.Parse(aVariable.ReplaceAllLiteralString(target, "node")); err == nil && u.Port() != "" {
				s[u.Scheme+":"+u.Port()] = placed.String()
			}
		}
	}
	return s
}

// of says by what a mirror is taken for Spegel; it is empty for somebody else's. A cluster names the ports; at those of the chart, and
// with its dial_timeout, an older Spegel may have left one.
func (s spegelMatcher) of(m hostsfile.Mirror) string {
	u := m.At
	ip, err := netip.ParseAddr(u.Hostname())
	itself := err == nil && ip.IsLoopback()
	set, told := s[u.Scheme+":"+u.Port()]
	switch plain := u.Scheme == "http"; {
	case itself && u.Scheme == "https" && slices.Contains(embeddedPorts(), u.Port()): // a cluster's DaemonSets say nothing of that
		return "by port " + u.Port() + " of the node itself, where k3s and RKE2 serve the one that they have built in"
	case told && u.Port() != "":
		return "by port " + u.Port() + ", where DaemonSet " + redact.Name(set) + " points containerd"
	case plain && slices.Contains(chartPorts(), u.Port()):
		return "by port " + u.Port() + ", one that its chart publishes"
	case plain && err == nil && m.DialTimeout == "200ms":
		return "by plain HTTP to an address with Spegel's dial_timeout of 200ms"
	case plain && itself && len(s) == 0:
		return byLoopback
	}
	return ""
}

// byLoopback is a guess: a mirror of one's own may be there too.
const byLoopback = "by its address, which is the node itself, and plain HTTP"

// spegelIn lists those of a registry's file, or of _default, that are Spegel, and notes by what. A file may name it as its server; the
// registry itself is never Spegel, wherever it is.
func (s spegelMatcher) spegelIn(file *hostsfile.File, registry string, f *Result) []string {
	var out []string
	for _, m := range file.InOrder() {
		if shown := redact.Quote(m.URL); s.isSpegel(m, registry) && !slices.Contains(out, shown) {
			out = append(out, shown)
			f.note("%s is taken for Spegel %s", shown, s.of(m))
		}
	}
	return out
}

// isSpegel reports whether a host in the file of a registry is Spegel.
func (s spegelMatcher) isSpegel(m hostsfile.Mirror, registry string) bool {
	return m.URL != "" && m.At.Host != registry && s.of(m) != ""
}
