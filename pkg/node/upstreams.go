package node

import (
	"context"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/resolver"
)

// upstreams are the hosts other than Spegel that containerd pulls from for a registry, as the node's hosts directory has them
// or else as containerd would take them. The error is why the directory does not say.
func (x *run) upstreams(ctx context.Context, target string) (hosts []resolver.Host, err error) {
	if x.Files != nil {
		r := &resolver.Resolution{}
		if found, failed := x.resolve(ctx, target); failed == nil {
			r = found
		} else {
			err = failed
		}
		known := x.matcher(ctx)
		hosts = slices.DeleteFunc(r.Hosts, func(h resolver.Host) bool {
			return !h.Capabilities.Has(docker.HostCapabilityPull) || known.isSpegel(h.Mirror, target)
		})
	}
	if len(hosts) == 0 {
		hosts, _ = x.resolver.Defaults(ctx, target)
	}
	return hosts, err
}

// askEach adds what is found of hosts that containerd asks one after the other. If one does not answer, that is no failure
// where another does that may be asked for all. One that was asked with other settings, and answered, is not asked again: a server
// may have the URL of a [host].
func (r *Result) askEach(hosts []resolver.Host, ask func(resolver.Host, *Result) (answers bool)) {
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
