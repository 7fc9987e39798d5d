package fluxrepo

import (
	"net/url"
	"path"
	"strings"
)

// defaultPorts are those that a URL need not name.
var defaultPorts = map[string]string{"ssh": "22", "https": "443", "http": "80", "git": "9418"}

// sameRepository tells whether two URLs name one repository of Git's: read with a key by one, say, and
// without one by another.
func sameRepository(a, b string) bool { return a == b || normalURL(a) == normalURL(b) }

// normalURL is a URL without what says how, and as whom, a repository is read. What is no URL stays as
// it is.
func normalURL(s string) string {
	s = strings.TrimSpace(s)
	if short, ok := shortURL(s); ok {
		s = short
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	scheme := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(u.Scheme), "git+"), "+git")
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if port := u.Port(); port != "" && port != defaultPorts[scheme] {
		host += ":" + port
	}
	return host + strings.TrimSuffix(path.Clean("/"+u.Path), ".git")
}

// shortURL turns the form of scp, user@host:path, into a URL.
func shortURL(s string) (string, bool) {
	if strings.Contains(s, "://") {
		return "", false
	}
	host, p, ok := strings.Cut(s, ":")
	if !ok || host == "" || strings.Contains(host, "/") {
		return "", false
	}
	return "ssh://" + host + "/" + p, true
}
