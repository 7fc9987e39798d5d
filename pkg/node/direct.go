package node

import (
	"context"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// direct are the hosts that containerd pulls from for a registry, but for Spegel, as the node's hosts directory has them
// or else as containerd would take them. The error is why the directory does not say.
func (x *exam) direct(ctx context.Context, target string) (hops []hop, failed error) {
	if x.Files != nil {
		r, err := x.route(ctx, target)
		if failed = err; err == nil {
			for _, h := range r.hosts {
				if !h.spegel && h.Capabilities.Has(docker.HostCapabilityPull) {
					hops = append(hops, h)
				}
			}
		}
	}
	if len(hops) == 0 {
		hosts, err := x.resolver(ctx, nil)(target)
		if err == nil {
			for _, h := range hosts {
				hops = append(hops, hop{RegistryHost: h})
			}
		}
	}
	return hops, failed
}

// askEach adds what is found of hosts that containerd asks one after the other. If one does not answer, that is no failure
// where another does that may be asked for all, and means nothing where it was asked before with other settings, and answers.
func (f *finding) askEach(hops []hop, ask func(hop, *finding) (answers bool)) {
	found := make([]finding, len(hops))
	good := map[string]bool{} // URLs that answer and may be asked for all
	for i, h := range hops {
		answers := ask(h, &found[i])
		if g := &found[i]; !answers && h.entry == entryServer && good[h.url()] {
			g.Status, g.Fix = Pass, ""
			g.note("  containerd asks %s by its %s only after %s of the same URL, which answers", shownName(h.Host), entryServer, entryHost)
		}
		if answers && h.Capabilities.Has(docker.HostCapabilityPull|docker.HostCapabilityResolve) {
			good[h.url()] = true
		}
	}
	for i := range found {
		g := &found[i]
		if g.Status == Fail && len(good) > 0 {
			g.Status = Warn
			g.note("  containerd asks another host when %s fails", shownName(hops[i].Host))
		}
		f.merge(g)
	}
}

// merge adds what was found elsewhere.
func (f *finding) merge(g *finding) {
	if f.Status == "" || rank(g.Status) < rank(f.Status) {
		f.Status = g.Status
	}
	for _, e := range g.Evidence {
		if !slices.Contains(f.Evidence, e) { // two registries may have a host in common
			f.note("%s", e)
		}
	}
	for fix := range strings.Lines(g.Fix) {
		f.mend("%s", strings.TrimSuffix(fix, "\n"))
	}
}
