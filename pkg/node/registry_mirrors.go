package node

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// everyRegistry is the key in registry.mirrors for those without one of their own.
const everyRegistry = "*"

// mirrors are the endpoints that registry.mirrors has, by registry. containerd takes these older settings where
// config_path is empty, and then reads no hosts directory.
func (c *containerdConfig) mirrors() map[string][]string {
	found := mirrorsOf(c.plugins, imagesPlugin)
	if c.version < 3 {
		maps.Copy(found, mirrorsOf(c.plugins, criPlugin))
	}
	return found
}

func mirrorsOf(plugins map[string]any, plugin string) map[string][]string {
	settings, _ := plugins[plugin].(map[string]any)
	registry, _ := settings["registry"].(map[string]any)
	mirrors, _ := registry["mirrors"].(map[string]any)
	out := map[string][]string{}
	for host, value := range mirrors {
		mirror, _ := value.(map[string]any)
		endpoints, _ := mirror["endpoint"].([]any)
		out[host] = nil // one without endpoints is asked itself, whatever "*" says
		for _, e := range endpoints {
			if s, ok := e.(string); ok {
				out[host] = append(out[host], withScheme(s))
			}
		}
	}
	return out
}

// withScheme reads an endpoint as containerd does.
func withScheme(endpoint string) string {
	if strings.Contains(endpoint, "://") {
		return endpoint
	}
	if host, _, _ := strings.Cut(endpoint, "/"); docker.IsLocalhost(host) {
		return "http://" + endpoint
	}
	return "https://" + endpoint
}

// asFile is what a hosts file with these endpoints would say.
func asFile(endpoints []string) *hostsFile {
	f := &hostsFile{}
	for _, e := range endpoints {
		f.mirrors = append(f.mirrors, mirror{url: e})
	}
	return f
}

// judgeMirrors tells what registry.mirrors has, and fails where that is Spegel for a private registry.
func (x *exam) judgeMirrors(h *hostsDirs, known signs, f *finding) {
	var shownMirrors []string
	for _, registry := range slices.Sorted(maps.Keys(h.mirrors)) {
		var endpoints []string
		for _, e := range h.mirrors[registry] {
			endpoints = append(endpoints, shown(e))
		}
		shownMirrors = append(shownMirrors, shown(registry)+" ("+list(endpoints)+")")
		place := "private registry " + shownName(registry)
		switch {
		case registry == everyRegistry:
			place = "every registry that it does not name, the private ones included"
		case !x.isPrivate(registry):
			continue
		}
		if spegel := known.spegelIn(asFile(h.mirrors[registry]), registry); len(spegel) > 0 {
			f.add(Fail, "registry.mirrors sends containerd to Spegel (%s) for %s", list(spegel), place)
			x.mendMirrors(f)
		}
	}
	if len(shownMirrors) > 0 {
		f.add(Warn, "containerd reads no hosts directory: %s sets registry.mirrors, which is deprecated, for %s", h.from, few(shownMirrors))
	}
}

// mendMirrors says how Spegel gets out of the way.
func (x *exam) mendMirrors(f *finding) {
	f.mend("take Spegel out of registry.mirrors of containerd's configuration, and restart containerd, which reads it when it starts")
}

// mirrorsRoute is whom containerd asks by registry.mirrors: its endpoints, and then the registry if it is none of them.
func (x *exam) mirrorsRoute(ctx context.Context, h *hostsDirs, host string) (*route, error) {
	endpoints, ok := h.mirrors[host]
	if !ok {
		endpoints = h.mirrors[everyRegistry]
	}
	r := &route{why: "as registry.mirrors of " + h.from + " says"}
	file, known, resolve := asFile(endpoints), x.signs(ctx), x.resolver(ctx, nil)
	itself := false
	for _, e := range endpoints {
		u, err := url.Parse(e)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("registry.mirrors: %s is no URL", shown(e))
		}
		asked, err := resolve(u.Host)
		if err != nil || len(asked) == 0 {
			return nil, fmt.Errorf("registry.mirrors: %s: %w", shown(e), err)
		}
		next := asked[0]
		next.Scheme, next.Host, next.Path = u.Scheme, u.Host, u.Path
		if next.Path == "" {
			next.Path = "/v2"
		}
		r.hosts = append(r.hosts, hop{RegistryHost: next, spegel: known.isSpegelHost(next, file, host)})
		itself = itself || u.Host == host
	}
	if itself {
		return r, nil
	}
	last, err := resolve(host)
	for _, asked := range last {
		r.hosts = append(r.hosts, hop{RegistryHost: asked})
	}
	return r, err
}
