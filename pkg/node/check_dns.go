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
		Reads:  "the node's `/etc/hosts` and `/etc/resolv.conf`, and the resolver of the machine that doctor runs on",
		Why:    "containerd runs on the node and asks the node's resolver, not the cluster's. A name that only the cluster's DNS or a VPN on another machine knows does not resolve there; and with Spegel before it, the pod shows \"not found\" instead.",
		Fails:  "It fails on the node itself if neither `/etc/hosts` nor the resolver knows the name. From another machine that is a warning: the node may know better.",
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
	remote := x.Files == nil || x.Files.Remote()
	unknown := false
	for _, target := range x.targets {
		host := hostname(target)
		if _, err := netip.ParseAddr(host); err == nil {
			f.add(Pass, "%s is an address", shownName(host))
			continue
		}
		if addresses := hosts[strings.ToLower(host)]; len(addresses) > 0 {
			f.add(Pass, "%s is %s in the node's /etc/hosts", shownName(host), list(addresses))
			continue
		}
		addresses, err := x.lookup(ctx, host)
		where := "the node's resolver"
		if remote {
			where = "the resolver of the machine that doctor runs on, not of the node,"
		}
		switch {
		case err == nil:
			f.add(Pass, "%s is %s, says %s", shownName(host), few(addresses), strings.TrimSuffix(where, ","))
		case remote:
			unknown = true
			f.add(Warn, "%s has no address, says %s: %s", shownName(host), strings.TrimSuffix(where, ","), line(err.Error()))
		default:
			unknown = true
			f.add(Fail, "%s has no address, says %s: %s", shownName(host), where, line(err.Error()))
		}
	}
	if unknown {
		x.resolvConf(ctx, &f)
		f.mend("on the node, give the name to a resolver in /etc/resolv.conf or to /etc/hosts; on Talos: machine.network.nameservers, machine.network.extraHostEntries")
	}
	return f.Result
}

// etcHosts reads the node's table of hosts; the note says why there is none.
func (x *exam) etcHosts(ctx context.Context) (table map[string][]string, note string) {
	if x.Files == nil {
		return nil, "without a node there is no /etc/hosts to look at"
	}
	data, err := x.Files.ReadFile(ctx, "/etc/hosts", maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ""
	case err != nil:
		return nil, "/etc/hosts " + reason(err)
	}
	return parseEtcHosts(data), ""
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
