package node

import (
	"context"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/resolver"
)

// upstreams are the hosts other than Spegel that containerd pulls from for a registry, as the node's hosts directory has them
// or else as containerd would take them. The error is why the directory does not say.
func (x *run) upstreams(ctx context.Context, target string) (hosts []resolver.Host, failed error) {
	if x.Files != nil {
		r, err := x.resolve(ctx, target)
		if failed = err; err == nil {
			known := x.matcher(ctx)
			for _, h := range r.Hosts {
				if h.Capabilities.Has(docker.HostCapabilityPull) && !known.isSpegelHost(h.RegistryHost, &r.File, target) {
					hosts = append(hosts, h)
				}
			}
		}
	}
	if len(hosts) == 0 {
		if defaults, err := x.resolver.Defaults(ctx, target); err == nil {
			hosts = defaults
		}
	}
	return hosts, failed
}

// askEach adds what is found of hosts that containerd asks one after the other. If one does not answer, that is no failure
// where another does that may be asked for all, and means nothing where it was asked before with other settings, and answers.
func (f *finding) askEach(hosts []resolver.Host, ask func(resolver.Host, *finding) (answers bool)) {
	found := make([]finding, len(hosts))
	good := map[string]bool{} // URLs that answer and may be asked for all
	for i, h := range hosts {
		answers := ask(h, &found[i])
		if g := &found[i]; !answers && h.Entry == resolver.EntryServer && good[h.URL()] {
			g.Status, g.Fix = Pass, ""
			g.note("  containerd asks %s by its %s only after %s of the same URL, which answers", redact.Name(h.Host), resolver.EntryServer, resolver.EntryHost)
		}
		if answers && h.Capabilities.Has(docker.HostCapabilityPull|docker.HostCapabilityResolve) {
			good[h.URL()] = true
		}
	}
	for i := range found {
		g := &found[i]
		if g.Status == Fail && len(good) > 0 {
			g.Status = Warn
			g.note("  containerd asks another host when %s fails", redact.Name(hosts[i].Host))
		}
		f.merge(g)
	}
}

// merge adds what was found elsewhere.
func (f *finding) merge(g *finding) {
	f.Status = worse(g.Status, f.Status)
	for _, e := range g.Evidence {
		if !slices.Contains(f.Evidence, e) { // two registries may have a host in common
			f.note("%s", e)
		}
	}
	for fix := range strings.Lines(g.Fix) {
		f.fix("%s", strings.TrimSuffix(fix, "\n"))
	}
}
