package node

import (
	"maps"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// judgeMirrors says what registry.mirrors has, and fails where that is Spegel for a private registry.
func (x *run) judgeMirrors(h *containerd.HostsDirs, known spegelMatcher, f *finding) {
	var shownMirrors []string
	for _, registry := range slices.Sorted(maps.Keys(h.Mirrors)) {
		var endpoints []string
		for _, e := range h.Mirrors[registry] {
			endpoints = append(endpoints, redact.Quote(e))
		}
		shownMirrors = append(shownMirrors, redact.Quote(registry)+" ("+list(endpoints)+")")
		place := "private registry " + redact.Name(registry)
		switch {
		case registry == containerd.EveryRegistry:
			place = "every registry that it does not name, the private ones included"
		case !x.isPrivate(registry):
			continue
		}
		file := containerd.AsFile(h.Mirrors[registry])
		if spegel := known.spegelIn(&file, registry); len(spegel) > 0 {
			f.add(Fail, "registry.mirrors sends containerd to Spegel (%s) for %s", list(spegel), place)
			fixMirrors(f)
		}
	}
	if len(shownMirrors) > 0 {
		f.add(Warn, "containerd reads no hosts directory: %s sets registry.mirrors, which is deprecated, for %s", h.From, few(shownMirrors))
	}
}

// fixMirrors says how Spegel gets out of the way.
func fixMirrors(f *finding) {
	f.fix("take Spegel out of registry.mirrors of containerd's configuration, and restart containerd, which reads it when it starts")
}
