// Package keyring says which images the kubelet pulls with the credentials of a Secret, by its rules (pkg/credentialprovider of
// Kubernetes 1.36). It keeps no credentials, only whether there are any, and knows nothing of where a Secret is from. Of the
// project it may import redact.
package keyring

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// Secret is what a Secret says about registries.
type Secret struct {
	Name    string
	Broken  []string // hosts of the entries that the kubelet can't decode
	entries []entry
}

// entry is one whose key the kubelet can read. The path is what the image's name has to begin with, after the host.
type entry struct {
	host, path string
	complete   bool // it has credentials
}

// The types of Secrets that the kubelet takes.
const (
	DockerConfigJSON = "kubernetes.io/dockerconfigjson"
	DockerConfig     = "kubernetes.io/dockercfg" // the old form: the entries alone
)

// ErrType says that the kubelet does not look into a Secret at all.
var ErrType = errors.New("is not of type " + DockerConfigJSON + " or " + DockerConfig)

// Parse reads the data of a Secret. The error says what is wrong without any of its content. An entry that makes no sense
// leaves the others to be read.
func Parse(name, form string, data map[string][]byte) (Secret, error) {
	s := Secret{Name: name}
	var config struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	key, into := ".dockerconfigjson", any(&config)
	switch form {
	case DockerConfig:
		key, into = ".dockercfg", &config.Auths
	case DockerConfigJSON:
	default:
		return s, ErrType
	}
	if json.Unmarshal(data[key], into) != nil {
		return s, errors.New("holds no JSON of a Docker configuration under " + key)
	}
	for _, key := range slices.Sorted(maps.Keys(config.Auths)) {
		e := newEntry(key)
		complete, ok := credentials(config.Auths[key])
		if e.complete = complete; e.host != "" {
			s.entries = append(s.entries, e)
		}
		if !ok {
			s.Broken = append(s.Broken, cmp.Or(redact.Name(e.host), "a name that is no host"))
		}
	}
	return s, nil
}

// credentials reports whether an entry has a user and a password, and whether it can be decoded at all, by the kubelet's rules:
// auth, if there is one, goes before username and password, padded or
// not; there is no identitytoken.
func credentials(data json.RawMessage) (complete, ok bool) {
	var entry struct {
		Auth     string `json:"auth"`
		Username string `json:"username"`
		Password string `json:"password"`
		Email    string `json:"email"`
	}
	if json.Unmarshal(data, &entry) != nil {
		return false, false
	}
	if entry.Auth == "" {
		return entry.Username != "" && entry.Password != "", true
	}
	form := base64.RawStdEncoding
	if strings.HasSuffix(strings.TrimSpace(entry.Auth), "=") {
		form = base64.StdEncoding
	}
	decoded, err := form.DecodeString(entry.Auth)
	user, password, two := strings.Cut(string(decoded), ":")
	if err != nil || !two {
		return false, false
	}
	return user != "" && strings.Trim(password, "\x00") != "", true
}

// For says whether the kubelet takes an entry for the image, and one with credentials in it: scheme and a leading /v1/ or /v2/ of
// the key's path do not count; each label of the host may be a pattern and stands for one label; port and number of labels are
// equal; the path is a prefix. An entry for index.docker.io is for Docker Hub where no other is.
func (s Secret) For(image string) (covers, complete bool) {
	host, rest, _ := strings.Cut(image, "/")
	for _, fits := range []func(entry) bool{
		func(e entry) bool { return matchesHost(e.host, host) && strings.HasPrefix("/"+rest, e.path) },
		func(e entry) bool { return host == "docker.io" && e.host+e.path == "index.docker.io" },
	} {
		for _, e := range s.entries {
			if fits(e) {
				covers, complete = true, complete || e.complete
			}
		}
		if covers {
			break
		}
	}
	return covers, complete
}

// Scopes are what the names of the images of a registry begin with for which there are credentials, where that is not
// for all of them.
func (s Secret) Scopes(host string) []string {
	var out []string
	for _, e := range s.entries {
		if e.complete && e.path != "" && matchesHost(e.host, host) {
			out = append(out, redact.Path(host+e.path))
		}
	}
	slices.Sort(out)
	return out
}

// matchesHost compares label by label: as in a path, no pattern is for more than one.
func matchesHost(pattern, host string) bool {
	want, wantPort := labels(pattern)
	have, port := labels(host)
	ok, err := path.Match(want, have)
	return ok && err == nil && port == wantPort
}

// labels are those of a host, as a path; an address in brackets keeps them where no port follows.
func labels(host string) (asPath, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	return strings.ReplaceAll(name, ".", "/"), port
}

// newEntry is an entry by its key, as the kubelet takes it: one path, and none for all of a registry. It has no host if the key has none.
func newEntry(key string) entry {
	if !strings.HasPrefix(key, "https://") && !strings.HasPrefix(key, "http://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil {
		return entry{}
	}
	if strings.HasPrefix(u.Path, "/v1/") || strings.HasPrefix(u.Path, "/v2/") {
		u.Path = u.Path[3:]
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return entry{host: u.Host, path: u.Path}
}
