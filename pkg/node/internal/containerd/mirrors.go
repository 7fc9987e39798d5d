package containerd

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// EveryRegistry is the key in registry.mirrors for those without one of their own.
const EveryRegistry = "*"

// mirrors are the endpoints that registry.mirrors has, by registry. containerd takes these older settings where
// config_path is empty, and then reads no hosts directory.
func (c *Config) mirrors() map[string][]string {
	registry, _ := c.images["registry"].(map[string]any)
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

// AsFile is what a hosts file with these endpoints would say.
func AsFile(endpoints []string) HostsFile {
	var f HostsFile
	for _, e := range endpoints {
		f.Mirrors = append(f.Mirrors, Mirror{URL: e})
	}
	return f
}

// resolveMirrors is whom containerd asks by registry.mirrors: its endpoints, and then the registry if it is none of them.
func (n *Node) resolveMirrors(ctx context.Context, h *HostsDirs, host string) (*Resolution, error) {
	endpoints, ok := h.Mirrors[host]
	if !ok {
		endpoints = h.Mirrors[EveryRegistry]
	}
	r := &Resolution{Why: "as registry.mirrors of " + h.From + " says", File: AsFile(endpoints)}
	resolve := n.resolver(ctx, nil)
	itself := false
	for _, e := range endpoints {
		u, err := url.Parse(e)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("registry.mirrors: %s is no URL", redact.Quote(e))
		}
		asked, err := resolve(u.Host)
		if err != nil || len(asked) == 0 {
			return nil, fmt.Errorf("registry.mirrors: %s: %w", redact.Quote(e), err)
		}
		next := asked[0]
		next.Scheme, next.Host, next.Path = u.Scheme, u.Host, u.Path
		if next.Path == "" {
			next.Path = "/v2"
		}
		r.Hosts = append(r.Hosts, Host{RegistryHost: next})
		itself = itself || u.Host == host
	}
	if itself {
		return r, nil
	}
	last, err := n.Defaults(ctx, host)
	r.Hosts = append(r.Hosts, last...)
	return r, err
}
