package node

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// order is in which order containerd asks for an image: by whom it asks for it as it is named, and by whom for the content behind
// the name. Both are names of hosts; one that is asked twice in a row stands there once.
type order struct {
	name, content []string
	lines         []string // the hosts one by one, to be shown
}

// How the hosts of an order are called, if they are not just other ones.
const (
	spegelName   = "Spegel"
	registryName = "the registry"
)

// orderOf is the order of a resolution. Needs is what a host must be able to do to be asked for the image as it is named.
func (x *run) orderOf(ctx context.Context, r *containerd.Resolution, registry string, needs docker.HostCapabilities) order {
	var o order
	known := x.matcher(ctx)
	asked := 0
	for _, h := range r.Hosts {
		called, line := redact.Name(h.Host), redact.Line(h.URL())
		switch {
		case known.isSpegel(h.Mirror, registry):
			called = spegelName
			line += ", which is Spegel"
		case hostsfile.IsRegistry(h.Host, registry):
			called = registryName
		}
		if !h.Capabilities.Has(docker.HostCapabilityPull) {
			o.lines = append(o.lines, "  never, as it may not pull: "+line)
			continue
		}
		o.content = append(o.content, called)
		if !h.Capabilities.Has(needs) {
			o.lines = append(o.lines, "  for the content alone, by digest, as it may not resolve tags: "+line)
			continue
		}
		o.name = append(o.name, called)
		asked++
		o.lines = append(o.lines, "  "+strconv.Itoa(asked)+". "+line)
	}
	o.name, o.content = slices.Compact(o.name), slices.Compact(o.content)
	return o
}

func (o *order) hasSpegel() bool { return slices.Contains(o.content, spegelName) }

// spegelFirst reports whether Spegel is asked before any other host, for the image or for its content.
func (o *order) spegelFirst() bool {
	return len(o.name) > 0 && o.name[0] == spegelName || len(o.content) > 0 && o.content[0] == spegelName
}

// judge says what the order means. A host that fails, also with "not found", makes containerd ask the next one. If all fail, a
// "not found" is shown rather than a registry that can't be reached, whichever was asked first (core/remotes/docker of containerd
// 2.2 and 2.4). Worst is how bad that is.
func (o *order) judge(host string, private bool, worst Status, f *Result) {
	way := strings.Join(o.name, ", then ")
	at := slices.Index(o.name, spegelName)
	if at < 0 {
		way = "the tag is asked of " + way + ", and the content, by digest, of " + strings.Join(o.content, ", then ")
	} else if at == 0 {
		way = "through " + way
	}
	switch {
	case len(o.name) == 0:
		f.add(Fail, "nobody: no host may be asked for it, so every pull fails with \"not found\"")
	case !o.hasSpegel():
		f.add(Pass, "direct: Spegel is not asked")
	case len(o.name) == 1 && at == 0:
		f.add(Fail, "through Spegel with no way back: what no peer has is \"not found\"")
	case !private:
		f.add(Pass, "%s", way)
	case at == 0:
		f.add(worst, "%s, and %s is private: Spegel's \"not found\" may hide why the registry can't be reached", way, host)
	case at > 0:
		f.add(milder(Warn, worst), "%s: Spegel is asked only where what stands before it fails, but %s is private, and Spegel's \"not found\" may hide why it failed", way, host)
	default:
		f.add(milder(Warn, worst), "%s; %s is private: if it fails after the tag was resolved, Spegel's \"not found\" may hide why", way, host)
	}
}
