package node

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

const (
	hostsToml  = "hosts.toml"
	defaultDir = "_default" // containerd's, for every registry without a folder of its own
	backupDir  = "_backup"  // Spegel's, for what it found when it first came to the node
)

// hostsFile is what a hosts.toml says, as far as it matters here. Whom containerd asks in the end is asked
// of containerd's own resolver; this is for telling what a file is.
type hostsFile struct {
	server      string
	dialTimeout string   // of the server
	mirrors     []mirror // sorted by URL
	own         []string // settings of the registry itself, by key: ca, client, header, override_path, skip_verify
}

// asked are those that containerd asks in place of the registry: the mirrors, and the server if the file names one.
func (f *hostsFile) asked() []mirror {
	if f.server == "" {
		return f.mirrors
	}
	return append(slices.Clone(f.mirrors), mirror{f.server, f.dialTimeout})
}

type mirror struct {
	url         string
	dialTimeout string
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
func parseHosts(data []byte) (f hostsFile, err error) {
	var c struct {
		hostSettings
		Server string                  `toml:"server"`
		Hosts  map[string]hostSettings `toml:"host"`
	}
	if err := toml.Unmarshal(data, &c); err != nil {
		return f, errors.New(tomlError(err))
	}
	f.server, f.dialTimeout = c.Server, c.DialTimeout
	f.own = c.special()
	err = c.check(c.Server)
	for _, u := range slices.Sorted(maps.Keys(c.Hosts)) {
		settings := c.Hosts[u]
		err = errors.Join(err, settings.check(u))
		f.mirrors = append(f.mirrors, mirror{u, settings.DialTimeout})
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		err = errors.New(line(first))
	}
	return f, err
}

// check finds what is good TOML and yet makes containerd refuse the file.
func (s *hostSettings) check(server string) error {
	for _, c := range s.Capabilities {
		if !slices.Contains([]string{"pull", "resolve", "push", "referrers"}, strings.ToLower(c)) {
			return fmt.Errorf("host %s: unknown capability %s", shown(server), shown(c))
		}
	}
	if s.DialTimeout != "" {
		if _, err := time.ParseDuration(s.DialTimeout); err != nil {
			return fmt.Errorf("host %s: dial_timeout %s is no duration", shown(server), shown(s.DialTimeout))
		}
	}
	if _, err := hostURL(server); err != nil {
		return fmt.Errorf("%s is no URL", shown(server))
	}
	return nil
}

// hostURL reads what a file has for a host as containerd does.
func hostURL(host string) (*url.URL, error) {
	if !strings.HasPrefix(host, "http") {
		host = "https://" + host
	}
	return url.Parse(host)
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
