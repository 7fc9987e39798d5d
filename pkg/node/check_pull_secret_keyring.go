package node

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

	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// pullSecretFile is what a Secret says about registries. It holds no credentials, only whether there are any.
type pullSecretFile struct {
	name    string
	entries map[string]bool // by key: whether it has credentials
	broken  []string        // hosts of the entries that the kubelet can't decode, sorted
}

// secretForms are the types of Secrets that the kubelet takes, and the key that each has its file under.
func secretForms() map[corev1.SecretType]string {
	return map[corev1.SecretType]string{
		corev1.SecretTypeDockerConfigJson: corev1.DockerConfigJsonKey,
		corev1.SecretTypeDockercfg:        corev1.DockerConfigKey, // the old form: the entries alone
	}
}

// errSecretType says that the kubelet does not look into a Secret at all.
var errSecretType = errors.New("is not of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg")

// parsePullSecret reads a Secret. The error says what is wrong without any of its content. An entry that makes no sense
// leaves the others to be read.
func parsePullSecret(secret *corev1.Secret) (pullSecretFile, error) {
	s := pullSecretFile{name: secret.Name, entries: map[string]bool{}}
	key, ok := secretForms()[secret.Type]
	if !ok {
		return s, errSecretType
	}
	var auths map[string]json.RawMessage
	var err error
	if secret.Type == corev1.SecretTypeDockercfg {
		err = json.Unmarshal(secret.Data[key], &auths)
	} else {
		var config struct {
			Auths map[string]json.RawMessage `json:"auths"`
		}
		err = json.Unmarshal(secret.Data[key], &config)
		auths = config.Auths
	}
	if err != nil {
		return s, errors.New("holds no JSON of a Docker configuration under " + key)
	}
	for _, key := range slices.Sorted(maps.Keys(auths)) {
		complete, ok := credentials(auths[key])
		s.entries[key] = complete
		if !ok {
			s.broken = append(s.broken, keyHost(key))
		}
	}
	return s, nil
}

// credentials reports whether an entry has a user and a password, and whether it can be decoded at all, by the kubelet's rules
// (pkg/credentialprovider of Kubernetes 1.36): auth, if there is one, goes before username and password, padded or
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

// covers reports whether the kubelet takes an entry for the image, complete whether one of those has credentials.
func (s pullSecretFile) covers(image string) bool { return len(s.matching(image)) > 0 }

func (s pullSecretFile) complete(image string) bool {
	return slices.ContainsFunc(s.matching(image), func(key string) bool { return s.entries[key] })
}

// matching are the keys of the entries that the kubelet takes for an image. One for index.docker.io is for Docker Hub
// where no other is.
func (s pullSecretFile) matching(image string) []string {
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

// scopes are what the names of the images of a registry begin with for which there are credentials, where that is not
// for all of them.
func (s pullSecretFile) scopes(host string) []string {
	var out []string
	for key, complete := range s.entries {
		if u, ok := keyURL(key); ok && complete && u.Path != "" && matchesHost(u.Host, host) {
			out = append(out, redact.Path(host+u.Path))
		}
	}
	slices.Sort(out)
	return out
}

// matchesImage reports whether the kubelet takes an entry for an image, by its rules (pkg/credentialprovider of
// Kubernetes 1.36): scheme and a leading /v1/ or /v2/ of the path do not count; each label of the host may
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
