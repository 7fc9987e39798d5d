// Package keyring says which images the kubelet pulls with the credentials of a Secret, by its rules (pkg/credentialprovider of
// Kubernetes 1.36). It keeps no credentials, only whether there are any, and knows nothing of where a Secret is from. Of the
// project it may import redact.
package keyring

import (
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
	Broken  []string        // hosts of the entries that the kubelet can't decode, sorted
	entries map[string]bool // by key: whether it has credentials
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
	s := Secret{Name: name, entries: map[string]bool{}}
	var auths map[string]json.RawMessage
	var err error
	key := ".dockercfg"
	switch form {
	case DockerConfig:
		err = json.Unmarshal(data[key], &auths)
	case DockerConfigJSON:
		key = ".dockerconfigjson"
		var config struct {
			Auths map[string]json.RawMessage `json:"auths"`
		}
		err = json.Unmarshal(data[key], &config)
		auths = config.Auths
	default:
		return s, ErrType
	}
	if err != nil {
		return s, errors.New("holds no JSON of a Docker configuration under " + key)
	}
	for _, key := range slices.Sorted(maps.Keys(auths)) {
		complete, ok := credentials(auths[key])
		s.entries[key] = complete
		if !ok {
			s.Broken = append(s.Broken, keyHost(key))
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

// keyHost is the host of an entry's key, which may hold more.
func keyHost(key string) string {
	if u, ok := keyURL(key); ok {
		return redact.Name(u.Host)
	}
	return "a name that is no host"
}

// Covers reports whether the kubelet takes an entry for the image.
func (s Secret) Covers(image string) bool { return len(s.matching(image)) > 0 }

// Complete reports whether one of the entries that the kubelet takes for the image has credentials.
func (s Secret) Complete(image string) bool {
	return slices.ContainsFunc(s.matching(image), func(key string) bool { return s.entries[key] })
}

// matching are the keys of the entries that the kubelet takes for an image. One for index.docker.io is for Docker Hub
// where no other is.
func (s Secret) matching(image string) []string {
	var keys, hub []string
	for key := range s.entries {
		if matchesImage(key, image) {
			keys = append(keys, key)
		} else if u, ok := keyURL(key); ok && u.Host+u.Path == "index.docker.io" {
			hub = append(hub, key)
		}
	}
	if len(keys) == 0 && strings.HasPrefix(image, "docker.io/") {
		return hub
	}
	return keys
}

// Scopes are what the names of the images of a registry begin with for which there are credentials, where that is not
// for all of them.
func (s Secret) Scopes(host string) []string {
	var out []string
	for key, complete := range s.entries {
		if u, ok := keyURL(key); ok && complete && u.Path != "" && matchesHost(u.Host, host) {
			out = append(out, redact.Path(host+u.Path))
		}
	}
	slices.Sort(out)
	return out
}

// matchesImage reports whether the kubelet takes an entry for an image, by its rules: scheme and a leading /v1/ or /v2/ of the path do not count; each label of the host may
// be a pattern and stands for one label; port and number of labels are equal; the path is a prefix.
func matchesImage(key, image string) bool {
	entry, ok := keyURL(key)
	host, rest, _ := strings.Cut(image, "/")
	return ok && matchesHost(entry.Host, host) && strings.HasPrefix("/"+rest, entry.Path)
}

func matchesHost(pattern, host string) bool {
	want, wantPort := hostLabels(pattern)
	labels, port := hostLabels(host)
	if port != wantPort || len(labels) != len(want) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], labels[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// hostLabels splits a host; an address in brackets keeps them where no port follows.
func hostLabels(host string) (labels []string, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	return strings.Split(name, "."), port
}

// keyURL is an entry's key as the kubelet takes it: one path, and none for all of a registry.
func keyURL(key string) (*url.URL, bool) {
	if !strings.HasPrefix(key, "https://") && !strings.HasPrefix(key, "http://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil || u.Host == "" {
		return nil, false
	}
	if strings.HasPrefix(u.Path, "/v1/") || strings.HasPrefix(u.Path, "/v2/") {
		u.Path = u.Path[3:]
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return u, true
}
