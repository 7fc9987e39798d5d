package node

import (
	"context"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// upstreams are the hosts other than Spegel that containerd pulls from for a registry, as the node's hosts directory has them
// or else as containerd would take them. The error is why the directory does not say.
func (x *run) upstreams(ctx context.Context, target string) ([]containerd.Host, error) {
	r, err := x.resolve(ctx, target)
	if err == nil {
		known := x.matcher(ctx)
		r.Hosts = slices.DeleteFunc(r.Hosts, func(h containerd.Host) bool {
			return !h.Capabilities.Has(docker.HostCapabilityPull) || known.isSpegel(h.Mirror, target)
		})
	}
	if err != nil || len(r.Hosts) == 0 {
		r, _ = x.node.Resolve(ctx, &containerd.HostsDirs{}, target)
	}
	return r.Hosts, err
}

// askEach adds what is found of hosts that containerd asks one after the other. If one does not answer, that is no failure
// where another does that may be asked for all. One that was asked with other settings, and answered, is not asked again: a server
// may have the URL of a [host].
func (r *Result) askEach(hosts []containerd.Host, ask func(containerd.Host, *Result) (answers bool)) {
	found := make([]Result, len(hosts))
	good := map[string]bool{} // URLs that answer and may be asked for all
	for i, h := range hosts {
		if !good[h.URL()] && ask(h, &found[i]) && h.Capabilities.Has(docker.HostCapabilityPull|docker.HostCapabilityResolve) {
			good[h.URL()] = true
		}
	}
	for i := range found {
		g := &found[i]
		if g.Status == Fail && len(good) > 0 {
			g.Status = Warn
			g.note("  containerd asks another host when %s fails", redact.Name(hosts[i].Host))
		}
		r.merge(g)
	}
}
