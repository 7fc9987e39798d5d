package node

import (
	"context"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// spegelMatcher recognizes Spegel among the hosts that a file names. Every version of Spegel writes itself as plain HTTP, at an address of
// the node (127.0.0.1 in the first versions), at the ports of the chart's values and, since v0.4, with a dial_timeout of
// 200ms.
type spegelMatcher struct {
	told map[string]string // by scheme and port: the DaemonSet that points containerd there
	by   map[string]string // of the mirrors that were taken for Spegel, by URL as shown: by what
	not  map[string]string // of those that look like Spegel where the cluster says otherwise: by what
}

// onTheNode is what Spegel shares with whatever else a node serves to itself.
const onTheNode = "by its address, which is the node itself, and plain HTTP"

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
	s := spegelMatcher{map[string]string{}, map[string]string{}, map[string]string{}}
	p, err := x.spegel(ctx)
	if err != nil {
		return s
	}
	for _, placed := range append([]Placement{*p}, p.others...) {
		targets := slices.Clone(placed.Targets)
		for i := range placed.Pods {
			targets = append(targets, placed.Pods[i].Targets...) // what an older template wrote may be there still
		}
		for _, target := range targets {
			// of http://$(NODE_IP):30020 all but the host is known
			if u, err := url.Parse(aVariable.ReplaceAllLiteralString(target, "node")); err == nil && u.Port() != "" {
				s.told[u.Scheme+":"+u.Port()] = placed.String()
			}
		}
	}
	return s
}

// of says by what a mirror is taken for Spegel; it is empty for somebody else's. Where the cluster names the ports, only those
// count.
func (s spegelMatcher) of(m containerd.Mirror) string {
	u, err := containerd.HostURL(m.URL)
	if err != nil {
		return ""
	}
	if isEmbedded(u) {
		return "by port " + u.Port() + " of the node itself, where k3s and RKE2 serve the one that they have built in"
	}
	if set, ok := s.told[u.Scheme+":"+u.Port()]; ok && u.Port() != "" {
		return "by port " + u.Port() + ", where DaemonSet " + redact.Name(set) + " points containerd"
	}
	if len(s.told) > 0 {
		return ""
	}
	return looksLikeSpegel(u, m.DialTimeout)
}

// isEmbedded reports whether k3s or RKE2 wrote a mirror for their own Spegel. A cluster's DaemonSets say nothing of that.
func isEmbedded(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback() && u.Scheme == "https" && slices.Contains(embeddedPorts(), u.Port())
}

// looksLikeSpegel says by what a mirror may be Spegel, where nobody names its ports.
func looksLikeSpegel(u *url.URL, dialTimeout string) string {
	if u.Scheme != "http" {
		return ""
	}
	if slices.Contains(chartPorts(), u.Port()) {
		return "by port " + u.Port() + ", one that its chart publishes"
	}
	ip, err := netip.ParseAddr(u.Hostname())
	switch {
	case err != nil:
		return ""
	case ip.IsLoopback():
		return onTheNode
	case dialTimeout == "200ms":
		return "by plain HTTP to an address with Spegel's dial_timeout of 200ms"
	}
	return ""
}

// spegelIn lists those of a registry's file, or of _default, that are Spegel. A file may name it as its server; the registry
// itself is never Spegel, wherever it is.
func (s spegelMatcher) spegelIn(f *containerd.HostsFile, registry string) []string {
	var out []string
	for _, m := range f.Asked() {
		u, err := containerd.HostURL(m.URL)
		if err != nil || u.Host == registry || slices.Contains(out, redact.Quote(m.URL)) {
			continue
		}
		if why := s.of(m); why != "" {
			out = append(out, redact.Quote(m.URL))
			s.by[redact.Quote(m.URL)] = why
		} else if looks := looksLikeSpegel(u, m.DialTimeout); looks != "" {
			s.not[redact.Quote(m.URL)] = looks
		}
	}
	return out
}

// isSpegelHost reports whether a host that containerd would ask is one of those in the registry's file that are Spegel.
func (s spegelMatcher) isSpegelHost(asked docker.RegistryHost, file *containerd.HostsFile, registry string) bool {
	return slices.ContainsFunc(file.Asked(), func(m containerd.Mirror) bool {
		u, err := containerd.HostURL(m.URL)
		return err == nil && u.Host == asked.Host && u.Host != registry && s.of(m) != ""
	})
}

// note says by what mirrors were taken for Spegel, and which were not: an older Spegel may have left those, but what the
// node serves to itself is more likely something else.
func (s spegelMatcher) note(f *finding) {
	for _, u := range slices.Sorted(maps.Keys(s.by)) {
		f.note("%s is taken for Spegel %s", u, s.by[u])
	}
	var ports []string
	for _, at := range slices.Sorted(maps.Keys(s.told)) {
		ports = append(ports, redact.Name(at)+" (DaemonSet "+redact.Name(s.told[at])+")")
	}
	for _, u := range slices.Sorted(maps.Keys(s.not)) {
		const other = "%s looks like Spegel %s, and is not taken for it: Spegel is at %s"
		if s.not[u] == onTheNode {
			f.note(other, u, s.not[u], few(ports))
			continue
		}
		f.add(Warn, other+"; an older one may have left it", u, s.not[u], few(ports))
		f.fix("if nothing else is at %s, take it out of the hosts directory", u)
	}
}
