package validate

import (
	"net/url"
	"testing"
)

// What plainURL takes has to be what a URL's parser makes of it, and what Spegel accepts.
func TestPlainURL(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]bool{
		"https://docker.io": true, "https://my_registry-1.example.com": true, "https://10.0.0.1": true, "https://.": false,
		"https://": false, "http://docker.io": false, "https://docker.io/": false, "https://docker.io:443": false,
		"https://Docker.io": false, "https://xn--bcher-kva.example": false, "https://docker.io?x": false, "https://a@docker.io": false,
		"https://docker.io\t": false, "docker.io": false, "": false,
	} {
		host, ok := plainURL(entry)
		if ok != want {
			t.Errorf("%q: %t, want %t", entry, ok, want)
		}
		if u, err := url.Parse(entry); ok && (err != nil || u.Host != host || u.Scheme != "https" || u.Path != "" || u.RawQuery != "" || u.User != nil) {
			t.Errorf("%q is parsed as %+v (%v), and taken for %q", entry, u, err, host)
		}
	}
}
