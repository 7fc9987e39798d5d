package node

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// instead is the server that a file has containerd ask in place of the registry itself; empty where the registry is
// asked too. containerd asks the registry last where a file names no server, and only the server where it names one.
func (f *hostsFile) instead(registry string) string {
	itself := func(m mirror) bool {
		u, err := hostURL(m.url)
		return err == nil && isRegistry(u.Host, registry)
	}
	if slices.ContainsFunc(f.asked(), itself) {
		return ""
	}
	return f.server
}

// isRegistry tells whether a host that containerd asks is the registry of an image's name, at whatever port where
// the name has none.
func isRegistry(asked, registry string) bool {
	names := []string{registry}
	if registry == "docker.io" {
		names = append(names, "registry-1.docker.io", "index.docker.io")
	}
	return slices.ContainsFunc(names, func(name string) bool {
		r, err := validate.ParseRegistry(name)
		return err == nil && r.Covers(asked)
	})
}
