package containerd

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Folders of a hosts directory that are of no registry.
const (
	DefaultDir = "_default" // containerd's, for every registry without a folder of its own
	BackupDir  = "_backup"  // Spegel's, for what it found when it first came to the node
)

// HostsFile is what a hosts.toml says, as far as it matters here. Whom containerd asks in the end is asked
// of containerd's own resolver; this is for seeing what a file is.
type HostsFile struct {
	Server  Mirror   // without a URL where the file names none
	Mirrors []Mirror // sorted by URL
	Own     []string // settings of the registry itself, by key: ca, client, header, override_path, skip_verify
}

// Mirror is a host that a file names.
type Mirror struct {
	URL         string
	At          *url.URL // as containerd takes it
	DialTimeout string
}

// Asked are those that containerd asks in place of the registry: the mirrors, and the server if the file names one.
func (f *HostsFile) Asked() []Mirror {
	if f.Server.URL == "" {
		return f.Mirrors
	}
	return append(slices.Clone(f.Mirrors), f.Server)
}

// Instead is the server that a file has containerd ask in place of the registry itself; empty where the registry is
// asked too. containerd asks the registry last where a file names no server, and only the server where it names one.
func (f *HostsFile) Instead(registry string) string {
	if slices.ContainsFunc(f.Asked(), func(m Mirror) bool { return IsRegistry(m.At.Host, registry) }) {
		return ""
	}
	return f.Server.URL
}

// IsDefault reports whether it is what containerd asks for a registry without a file: by HTTPS, at its usual port.
func (m Mirror) IsDefault(registry string) bool {
	u := m.At
	if u.Scheme != "https" || !IsRegistry(u.Host, registry) || !slices.Contains([]string{"", "v2"}, strings.Trim(u.Path, "/")) {
		return false
	}
	_, _, err := net.SplitHostPort(registry)
	return err == nil || u.Port() == "" || u.Port() == "443"
}

// IsRegistry reports whether a host that containerd asks is the registry of an image's name, at whatever port where
// the name has none.
func IsRegistry(asked, registry string) bool {
	names := []string{registry}
	if registry == "docker.io" {
		names = append(names, "registry-1.docker.io", "index.docker.io")
	}
	return slices.ContainsFunc(names, func(name string) bool {
		r, err := validate.ParseRegistry(name)
		return err == nil && r.Covers(asked)
	})
}

// hostSettings has the types that containerd decodes into: what fails here fails there.
type hostSettings struct {
	Capabilities []string       `toml:"capabilities"`
	CA           any            `toml:"ca"`
	Client       any            `toml:"client"`
	SkipVerify   *bool          `toml:"skip_verify"`
	Header       map[string]any `toml:"header"`
	OverridePath bool           `toml:"override_path"`
	DialTimeout  string         `toml:"dial_timeout"`
}

// parseHosts reads a hosts.toml. The error names line and column where it has a place.
func parseHosts(data []byte) (f HostsFile, err error) {
	var c struct {
		hostSettings
		Server string                  `toml:"server"`
		Hosts  map[string]hostSettings `toml:"host"`
	}
	if err := toml.Unmarshal(data, &c); err != nil {
		return f, errors.New(tomlError(err))
	}
	f.Own = c.special()
	f.Server, err = c.mirror(c.Server)
	for _, u := range slices.Sorted(maps.Keys(c.Hosts)) {
		settings := c.Hosts[u]
		m, wrong := settings.mirror(u)
		err = errors.Join(err, wrong)
		f.Mirrors = append(f.Mirrors, m)
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		err = errors.New(redact.Line(first))
	}
	return f, err
}

// mirror is a host with its settings. The error is what is good TOML and yet makes containerd refuse the file.
func (s *hostSettings) mirror(host string) (Mirror, error) {
	m := Mirror{URL: host, At: &url.URL{}, DialTimeout: s.DialTimeout}
	for _, c := range s.Capabilities {
		if !slices.Contains([]string{"pull", "resolve", "push", "referrers"}, strings.ToLower(c)) {
			return m, fmt.Errorf("host %s: unknown capability %s", redact.Quote(host), redact.Quote(c))
		}
	}
	if _, err := time.ParseDuration(s.DialTimeout); s.DialTimeout != "" && err != nil {
		return m, fmt.Errorf("host %s: dial_timeout %s is no duration", redact.Quote(host), redact.Quote(s.DialTimeout))
	}
	if !strings.HasPrefix(host, "http") {
		host = "https://" + host
	}
	at, err := url.Parse(host)
	if err != nil {
		return m, fmt.Errorf("%s is no URL", redact.Quote(m.URL))
	}
	m.At = at
	return m, nil
}

// special lists the settings without which the registry may not be reachable.
func (s *hostSettings) special() []string {
	var out []string
	for _, key := range []struct {
		name string
		set  bool
	}{
		{"ca", s.CA != nil},
		{"client", s.Client != nil},
		{"header", s.Header != nil},
		{"override_path", s.OverridePath},
		{"skip_verify", s.SkipVerify != nil && *s.SkipVerify},
	} {
		if key.set {
			out = append(out, key.name)
		}
	}
	return out
}
