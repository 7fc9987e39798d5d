package node

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// pullSecretFile is what a Secret says about registries. It holds no credentials, only whether there are any.
type pullSecretFile struct {
	name    string
	entries map[string]bool // by key: whether it has credentials
}

// parsePullSecret reads a Secret. The error says what is wrong without any of its content.
func parsePullSecret(secret *corev1.Secret) (pullSecretFile, error) {
	s := pullSecretFile{secret.Name, map[string]bool{}}
	if secret.Type != corev1.SecretTypeDockerConfigJson {
		return s, errors.New("is not of type kubernetes.io/dockerconfigjson")
	}
	var config struct {
		Auths map[string]struct {
			Auth     string `json:"auth"`
			Username string `json:"username"`
			Password string `json:"password"`
		} `json:"auths"`
	}
	if json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &config) != nil {
		return s, errors.New("holds no JSON of a Docker configuration under .dockerconfigjson")
	}
	for key, entry := range config.Auths {
		complete := entry.Username != "" && entry.Password != ""          // the kubelet knows no identitytoken
		unpadded := strings.TrimRight(strings.TrimSpace(entry.Auth), "=") // it takes both
		if decoded, err := base64.RawStdEncoding.DecodeString(unpadded); err == nil {
			user, password, ok := strings.Cut(string(decoded), ":")
			complete = complete || ok && user != "" && strings.Trim(password, "\x00") != ""
		}
		s.entries[key] = complete
	}
	return s, nil
}

// covers tells whether an entry is for the image, complete whether one of those has credentials.
func (s pullSecretFile) covers(image string) bool {
	for key := range s.entries {
		if matchesImage(key, image) {
			return true
		}
	}
	return false
}

func (s pullSecretFile) complete(image string) bool {
	for key, complete := range s.entries {
		if complete && matchesImage(key, image) {
			return true
		}
	}
	return false
}

// matchesImage tells whether the kubelet takes an entry for an image, by its rules (pkg/credentialprovider of
// Kubernetes 1.36): scheme and a leading /v1 or /v2 of the path do not count; each label of the host may
// be a pattern and stands for one label; port and number of labels are equal; the path is a prefix.
func matchesImage(key, image string) bool {
	entry, ok := keyURL(key)
	if !ok {
		return false
	}
	host, rest, _ := strings.Cut(image, "/")
	if host == "docker.io" {
		host = "index.docker.io"
	}
	at := &url.URL{Host: host}
	labels, want := strings.Split(at.Hostname(), "."), strings.Split(entry.Hostname(), ".")
	if at.Port() != entry.Port() || len(labels) != len(want) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], labels[i]); err != nil || !ok {
			return false
		}
	}
	return strings.HasPrefix("/"+rest, entry.Path)
}

func keyURL(key string) (*url.URL, bool) {
	if !strings.HasPrefix(key, "https://") && !strings.HasPrefix(key, "http://") {
		key = "https://" + key
	}
	u, err := url.Parse(key)
	if err != nil || u.Host == "" {
		return nil, false
	}
	for _, version := range []string{"/v1/", "/v2/"} {
		if rest, ok := strings.CutPrefix(u.Path, version); ok {
			u.Path = "/" + rest
		}
	}
	if u.Path == "/v1" || u.Path == "/v2" {
		u.Path = ""
	}
	if u.Hostname() == "docker.io" {
		u.Host = "index.docker.io"
	}
	return u, true
}
