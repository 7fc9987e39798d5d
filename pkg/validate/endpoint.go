package validate

import (
	"iter"
	"net/url"
	"strings"
	"unicode"
)

// endpoint is where an entry of the mirror list points.
type endpoint struct {
	host string // canonical, as in Registry
	port string // 443 where the entry names none, whatever its scheme: an image without a port in its name leads to the entry
}

// endpoints yields what an entry names. A well-formed entry names one host. A malformed one is read
// the way a person would: without a scheme, with a path or user info, or several in one string.
func endpoints(entry string) iter.Seq[endpoint] {
	return func(yield func(endpoint) bool) {
		for word := range strings.FieldsFuncSeq(entry, isSeparator) {
			if e, ok := named(word); ok && !yield(e) {
				return
			}
			if _, after, ok := strings.CutLast(word, "@"); ok { // a password may hold what ends a host
				host, port := splitPort(authority(after))
				if host != "" && !yield(newEndpoint(host, port)) {
					return
				}
			}
		}
	}
}

// named is where one word points, if it names a host.
func named(word string) (e endpoint, ok bool) {
	if host, ok := plainURL(word); ok {
		return newEndpoint(host, ""), true
	}
	if u := parseURL(word); u != nil {
		return newEndpoint(u.Hostname(), u.Port()), true
	}
	host, port := splitPort(authority(trimScheme(word)))
	return newEndpoint(host, port), host != ""
}

// plainURL returns the host of an entry that is https:// and a host in canonical form, as most are. Such an
// entry has nothing to parse and no mistake.
func plainURL(entry string) (host string, ok bool) {
	host, ok = strings.CutPrefix(entry, "https://")
	return host, ok && host != "" && host[0] != '.' && isPlain(host)
}

// parseURL returns a URL with a host, or nil.
func parseURL(s string) *url.URL {
	if !strings.Contains(s, "//") {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return u
}

func newEndpoint(host, port string) endpoint {
	if port == "" {
		host, port = splitFolder(host)
	}
	if port = strings.TrimLeft(port, "0"); port == "" {
		port = "443"
	}
	return endpoint{canonicalHost(strings.TrimRight(host, ".")), port}
}

// splitFolder cuts host_port_, which is how containerd may write host:port in the name of a folder.
func splitFolder(s string) (host, port string) {
	rest, ok := strings.CutSuffix(s, "_")
	if !ok {
		return s, ""
	}
	host, port, ok = strings.CutLast(rest, "_")
	if !ok || host == "" || port == "" || strings.Trim(port, "0123456789") != "" {
		return s, ""
	}
	return host, port
}

// isSeparator reports what may stand between two entries in one string, and never in a host.
func isSeparator(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("`,;|\"'<>(){}", r)
}

// trimScheme takes off a scheme, however its slashes are written.
func trimScheme(word string) string {
	for _, s := range []string{"https", "http"} {
		if after, ok := cutPrefixFold(word, s); ok && strings.IndexAny(after, `:/\`) == 0 {
			return strings.TrimLeft(after, `:/\`)
		}
	}
	if _, after, ok := strings.Cut(word, "://"); ok {
		word = after
	}
	return strings.TrimLeft(word, `/\`)
}

// authority is what stands before a path, a query or a fragment, without user info.
func authority(s string) string {
	if end := strings.IndexAny(s, `/?#\`); end >= 0 {
		s = s[:end]
	}
	if _, after, ok := strings.CutLast(s, "@"); ok {
		s = after
	}
	if !strings.Contains(s, "[") {
		s = strings.TrimRight(s, "]")
	}
	return s
}

func cutPrefixFold(s, prefix string) (after string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
