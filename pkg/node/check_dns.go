package node

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// lookupTimeout bounds one question to the resolver.
const lookupTimeout = 5 * time.Second

func dns() Check {
	return Check{
		ID:     "dns",
		Title:  "Does the registry's name have an address?",
		Reads:  "the hosts that containerd asks for the registry, but for Spegel (the `server` and the other hosts of its hosts file, or else the registry itself, which for docker.io is registry-1.docker.io); the node's `/etc/hosts` and `/etc/resolv.conf`, and the resolver of the machine that doctor runs on",
		Why:    "containerd runs on the node and asks the node's resolver, not the cluster's. A name that only the cluster's DNS or a VPN on another machine knows does not resolve there; and with Spegel before it, the pod shows \"not found\" instead.",
		Fails:  "It fails on the node itself if neither `/etc/hosts` nor the resolver knows the name, or if all that they know is 0.0.0.0 or ::, which a resolver answers for a name that it blocks. From another machine that is a warning: the node may know better. It is a warning too where containerd has another host to ask in its place.",
		Mend:   "Give the node a resolver that knows the name, or an entry in `/etc/hosts`; on Talos, `machine.network.nameservers` or `machine.network.extraHostEntries`.",
		Limits: "With `--talos` and `--bundle` the question to the resolver is answered where doctor runs, and the evidence says so.",
		run:    func(ctx context.Context, x *exam) Result { return x.dns(ctx) },
	}
}

func (x *exam) dns(ctx context.Context) Result {
	if len(x.targets) == 0 {
		return skip(noRegistry)
	}
	var f finding
	hosts, note := x.etcHosts(ctx)
	if note != "" {
		f.note("%s", note)
	}
	known := true
	for _, target := range x.targets {
		hops, _ := x.direct(ctx, target) // what is wrong with its hosts file, reachability tells
		f.askEach(hops, func(h hop, f *finding) bool {
			answers := x.address(ctx, target, hostname(h.Host), hosts, f)
			known = known && answers
			return answers
		})
	}
	if !known {
		x.resolvConf(ctx, &f)
		f.mend("on the node, give the name to a resolver in /etc/resolv.conf or to /etc/hosts; on Talos: machine.network.nameservers, machine.network.extraHostEntries")
	}
	return f.Result
}

// address tells whether a host that containerd asks for a registry has an address to connect to.
func (x *exam) address(ctx context.Context, target, host string, table map[string][]string, f *finding) bool {
	name := shownName(host)
	if host != hostname(target) {
		name += ", asked for " + shownName(target) + ","
	}
	if _, err := netip.ParseAddr(host); err == nil {
		f.add(Pass, "%s is an address", name)
		return true
	}
	if addresses := table[strings.ToLower(host)]; len(addresses) > 0 {
		if blocked(addresses) {
			f.add(Fail, "%s is %s in the node's /etc/hosts, which leads nowhere", name, list(addresses))
			return false
		}
		f.add(Pass, "%s is %s in the node's /etc/hosts", name, list(addresses))
		return true
	}
	status, who := Fail, "the node's resolver"
	if x.Files == nil || x.Files.Remote() {
		status, who = Warn, "the resolver of the machine that doctor runs on, not of the node"
	}
	addresses, err := x.lookup(ctx, host)
	switch {
	case err != nil:
		f.add(status, "%s has no address, says %s: %s", name, who, line(err.Error()))
	case blocked(addresses):
		f.add(status, "%s is %s, says %s: it blocks the name", name, few(addresses), who)
	default:
		f.add(Pass, "%s is %s, says %s", name, few(addresses), who)
		return true
	}
	return false
}

// blocked tells whether all addresses are 0.0.0.0 or ::, which a resolver answers for a name that it blocks.
func blocked(addresses []string) bool {
	return !slices.ContainsFunc(addresses, func(a string) bool {
		ip, err := netip.ParseAddr(a)
		return err != nil || !ip.Unmap().IsUnspecified()
	})
}

// etcHosts reads the node's table of hosts; the note says why there is none.
func (x *exam) etcHosts(ctx context.Context) (table map[string][]string, note string) {
	if x.Files == nil {
		return nil, "without a node there is no /etc/hosts to look at"
	}
	if x.table != nil { // once is enough
		return x.table, ""
	}
	data, err := x.Files.ReadFile(ctx, "/etc/hosts", maxFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "/etc/hosts " + reason(err)
	}
	x.table = parseEtcHosts(data)
	return x.table, ""
}

func parseEtcHosts(data []byte) map[string][]string {
	out := map[string][]string{}
	for text := range strings.Lines(string(data)) {
		text, _, _ = strings.Cut(text, "#")
		words := strings.Fields(text)
		if len(words) < 2 {
			continue
		}
		address, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		for _, name := range words[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			out[name] = append(out[name], address.String())
		}
	}
	return out
}

// resolvConf shows which resolvers the node asks.
func (x *exam) resolvConf(ctx context.Context, f *finding) {
	if x.Files == nil {
		return
	}
	data, err := x.Files.ReadFile(ctx, "/etc/resolv.conf", maxFile)
	if err != nil {
		f.note("/etc/resolv.conf %s", reason(err))
		return
	}
	var servers []string
	for text := range strings.Lines(string(data)) {
		if words := strings.Fields(text); len(words) > 1 && words[0] == "nameserver" {
			servers = append(servers, shownName(words[1]))
		}
	}
	f.note("the node's /etc/resolv.conf names %s", orNone(servers))
}

func (x *exam) lookup(ctx context.Context, host string) ([]string, error) {
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
func hostname(target string) string {
	if host, _, err := net.SplitHostPort(target); err == nil {
		return host
	}
	return strings.Trim(target, "[]")
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "no resolver"
	}
	return few(words)
}
