package hostsfile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// File is what a hosts.toml says, as far as it matters here. Whom containerd asks in the end is asked
// of containerd's own resolver; this is for seeing what a file is.
type File struct {
	Server  Mirror   // without a URL where the file names none
	Mirrors []Mirror // those that have a table of their own, in the order and as often as containerd asks them
	Own     []string // settings of the registry itself, by key: ca, client, header, override_path, skip_verify
}

// Mirror is a host that a file names.
type Mirror struct {
	URL         string
	At          *url.URL // as containerd takes it
	DialTimeout string
	CA, Client  []string // names of files
	settings    *settings
}

// InOrder are the hosts in the order in which containerd has them, the server or what stands for it last.
func (f *File) InOrder() []Mirror { return append(slices.Clone(f.Mirrors), f.Server) }

// Instead is the server that a file has containerd ask in place of the registry itself; empty where the registry is
// asked too. containerd asks the registry last where a file names no server, and only the server where it names one.
func (f *File) Instead(registry string) string {
	if f.Server.URL == "" || slices.ContainsFunc(f.InOrder(), func(m Mirror) bool { return IsRegistry(m.At.Host, registry) }) {
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

// SyntaxError says that a file was read and makes no sense.
type SyntaxError struct{ what string }

// Error implements error.
func (e *SyntaxError) Error() string { return e.what }

// settings have the types that containerd decodes into: what fails here fails there.
type settings struct {
	Capabilities []string       `toml:"capabilities,omitempty"`
	CA           any            `toml:"ca,omitempty"`
	Client       any            `toml:"client,omitempty"`
	SkipVerify   *bool          `toml:"skip_verify,omitempty"`
	Header       map[string]any `toml:"header,omitempty"`
	OverridePath bool           `toml:"override_path,omitempty"`
	DialTimeout  string         `toml:"dial_timeout,omitempty"`
}

// Parse reads a hosts.toml. A SyntaxError names line and column where it has a place.
func Parse(data []byte) (f File, err error) {
	var c struct {
		settings
		Server string              `toml:"server"`
		Hosts  map[string]settings `toml:"host"`
	}
	if err := toml.Unmarshal(data, &c); err != nil {
		return f, &SyntaxError{redact.TOMLError(err)}
	}
	f.Own = c.special()
	f.Server, err = c.mirror(c.Server)
	for _, u := range tables(data) {
		of := c.Hosts[u]
		m, wrong := of.mirror(u)
		err = errors.Join(err, wrong)
		f.Mirrors = append(f.Mirrors, m)
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		err = &SyntaxError{redact.Line(first)}
	}
	return f, err
}

// tables are the hosts that have a table of their own, in the order of the file: containerd asks no others, nor one without a name
// that comes first.
func tables(data []byte) (out []string) {
	var before string
	p := unstable.Parser{}
	p.Reset(data)
	for p.NextExpression() {
		if p.Expression().Kind != unstable.Table {
			continue
		}
		var key []string
		for it := p.Expression().Key(); it.Next(); {
			key = append(key, string(it.Node().Data))
		}
		if len(key) > 1 && key[0] == "host" && key[1] != before {
			before = key[1]
			out = append(out, before)
		}
	}
	return out
}

// mirror is a host with its settings. The error is what is good TOML and yet makes containerd refuse the file.
func (s *settings) mirror(host string) (Mirror, error) {
	m := Mirror{URL: host, At: &url.URL{}, DialTimeout: s.DialTimeout, settings: s}
	for _, c := range s.Capabilities {
		if !slices.Contains([]string{"pull", "resolve", "push", "referrers"}, strings.ToLower(c)) {
			return m, fmt.Errorf("host %s: unknown capability %s", redact.Quote(host), redact.Quote(c))
		}
	}
	if _, err := time.ParseDuration(s.DialTimeout); s.DialTimeout != "" && err != nil {
		return m, fmt.Errorf("host %s: dial_timeout %s is no duration", redact.Quote(host), redact.Quote(s.DialTimeout))
	}
	var fits, too bool
	m.CA, fits = texts(s.CA, false)
	m.Client, too = texts(s.Client, true)
	for _, value := range s.Header {
		_, ok := texts(value, false)
		fits = fits && ok
	}
	if !fits || !too {
		return m, fmt.Errorf("host %s: a value of ca, client or header is of another type", redact.Quote(host))
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

// texts are the strings of a value that is one or a list of them, or of pairs; ok is false for any other.
func texts(value any, pairs bool) (out []string, ok bool) {
	list, isList := value.([]any)
	if text, isText := value.(string); isText {
		return []string{text}, true
	}
	for _, v := range list {
		inner, ok := texts(v, false)
		if _, isPair := v.([]any); !ok || isPair && (!pairs || len(inner) != 2) {
			return nil, false
		}
		out = append(out, inner...)
	}
	return out, isList || value == nil
}

// Bare is the file for containerd's resolver, without what leads to other files or may be a secret. That a host has
// certificates is left in it: containerd then tries TLS first.
func (f *File) Bare() []byte {
	var b bytes.Buffer
	if f.Server.URL != "" {
		b.WriteString("server = " + quoteTOML(f.Server.URL) + "\n")
	}
	f.Server.settings.bare(&b)
	for i, m := range f.Mirrors {
		if slices.ContainsFunc(f.Mirrors[:i], func(before Mirror) bool { return before.URL == m.URL }) { // for a table below its own
			b.WriteString("[host." + quoteTOML(m.URL) + ".header]\n")
			continue
		}
		b.WriteString("[host." + quoteTOML(m.URL) + "]\n")
		m.settings.bare(&b)
	}
	return b.Bytes()
}

func (s *settings) bare(b *bytes.Buffer) {
	if s == nil { // there is no file
		return
	}
	out := settings{Capabilities: s.Capabilities, SkipVerify: s.SkipVerify, OverridePath: s.OverridePath, DialTimeout: s.DialTimeout}
	if s.SkipVerify == nil && (s.CA != nil || s.Client != nil) {
		out.SkipVerify = new(bool)
	}
	_ = toml.NewEncoder(b).Encode(out) // all of it was decoded
}

// quoteTOML is a string, or a key, in quotes.
func quoteTOML(s string) string {
	b, _ := toml.Marshal(map[string]string{"s": s})
	return strings.TrimSpace(strings.TrimPrefix(string(b), "s = "))
}

// special lists the settings without which the registry may not be reachable.
func (s *settings) special() []string {
	set := map[string]bool{
		"ca": s.CA != nil, "client": s.Client != nil, "header": s.Header != nil, "override_path": s.OverridePath, "skip_verify": s.SkipVerify != nil && *s.SkipVerify,
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(set)), func(key string) bool { return !set[key] })
}
