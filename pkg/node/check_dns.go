package node

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// lookupTimeout bounds one question to the resolver.
const lookupTimeout = 5 * time.Second

func (x *run) dns(ctx context.Context) Result {
	var f Result
	hosts, note := x.node.EtcHosts(ctx)
	if note != "" {
		f.note("%s", note)
	}
	known := true
	for _, target := range x.targets {
		hops, _ := x.upstreams(ctx, target) // what is wrong with its hosts file, reachability tells
		f.askEach(hops, func(h containerd.Host, f *Result) bool {
			answers := x.address(ctx, target, hostname(h.Host), hosts, f)
			known = known && answers
			return answers
		})
	}
	if !known {
		x.resolvConf(ctx, &f)
		f.fix("%s", x.distribution(ctx).Resolve)
	}
	return f
}

// address reports whether a host that containerd asks for a registry has an address to connect to.
func (x *run) address(ctx context.Context, target, host string, table map[string][]string, f *Result) bool {
	name := redact.Name(host)
	if host != hostname(target) {
		name += ", asked for " + redact.Name(target) + ","
	}
	if _, err := netip.ParseAddr(host); err == nil {
		f.add(Pass, "%s is an address", name)
		return true
	}
	status, by, err := Fail, " in the node's /etc/hosts", error(nil)
	addresses := table[strings.ToLower(host)]
	if len(addresses) == 0 {
		by = ", says the node's resolver"
		if x.Files == nil || x.Files.Remote() {
			status, by = Warn, ", says the resolver of the machine that doctor runs on, not of the node"
		}
		addresses, err = x.lookup(ctx, host)
	}
	switch {
	case err != nil:
		f.add(status, "%s has no address%s: %s", name, by, redact.Line(err.Error()))
	case blocked(addresses):
		f.add(status, "%s is %s%s: it blocks the name", name, few(addresses), by)
	default:
		f.add(Pass, "%s is %s%s", name, few(addresses), by)
		return true
	}
	return false
}

// blocked reports whether all addresses are 0.0.0.0 or ::, which a resolver answers for a name that it blocks.
func blocked(addresses []string) bool {
	return !slices.ContainsFunc(addresses, func(a string) bool {
		ip, err := netip.ParseAddr(a)
		return err != nil || !ip.Unmap().IsUnspecified()
	})
}

// resolvConf shows which resolvers the node asks.
func (x *run) resolvConf(ctx context.Context, f *Result) {
	if x.Files == nil {
		return
	}
	data, err := x.Files.ReadFile(ctx, "/etc/resolv.conf", nodefs.MaxFile)
	if err != nil {
		f.note("/etc/resolv.conf %s", nodefs.Reason(err))
		return
	}
	var servers []string
	for text := range strings.Lines(string(data)) {
		if words := strings.Fields(text); len(words) > 1 && words[0] == "nameserver" {
			servers = append(servers, redact.Name(words[1]))
		}
	}
	f.note("the node's /etc/resolv.conf names %s", cmp.Or(few(servers), "no resolver"))
}

func (x *run) lookup(ctx context.Context, host string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	find := x.Lookup
	if find == nil {
		find = net.DefaultResolver.LookupHost
	}
	addresses, err := find(ctx, host)
	slices.Sort(addresses)
	return addresses, err
}

// hostname is a registry's host without its port.
func hostname(target string) string { return (&url.URL{Host: target}).Hostname() }
