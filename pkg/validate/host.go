package validate

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Registry names one private registry, or all below a domain. The zero value matches nothing.
type Registry struct {
	host       string // canonical: lower case, IDNA ASCII, no trailing dot; an IP address as netip prints it
	port       string // empty: every port
	subdomains bool   // every subdomain of host at any depth, and not host itself
}

// ParseRegistry reads host, host:port or *.domain, where host may be an IP address (IPv6 in brackets
// if a port follows). The error says what is wrong, without the input.
func ParseRegistry(s string) (Registry, error) {
	var r Registry
	switch {
	case s == "":
		return r, errors.New("empty; want host, host:port or *.domain")
	case strings.Contains(s, "://"):
		return r, errors.New("has a scheme; want host, host:port or *.domain")
	case strings.ContainsAny(s, "/?#"):
		return r, errors.New("has a path or a query; want host, host:port or *.domain")
	case strings.Contains(s, "@"):
		return r, errors.New("has user info; want host, host:port or *.domain")
	}
	host, port := splitPort(s)
	if port == "" {
		host, port = splitFolder(host)
	}
	var err error
	if r.port, err = checkPort(s, port); err != nil {
		return r, err
	}
	host, r.subdomains = strings.CutPrefix(host, "*.")
	r.host = canonicalHost(host)
	if _, ok := parseIP(r.host); ok {
		switch {
		case r.subdomains:
			return r, errors.New("an IP address has no subdomains; want host, host:port or *.domain")
		case strings.Contains(host, "%"):
			return r, errors.New("an IP address with a zone; want host, host:port or *.domain")
		}
		return r, nil
	}
	return r, checkHostName(r.host)
}

// checkPort returns the port of s in canonical form, if s is a host or host:port at all.
func checkPort(s, port string) (string, error) {
	bracket := strings.HasPrefix(s, "[")
	switch {
	case bracket && !isBracketed(s):
		return "", errors.New("brackets are for an IPv6 address; want host, host:port or *.domain")
	case port == "" && strings.HasSuffix(s, ":") && (bracket || strings.Count(s, ":") == 1):
		return "", errors.New("ends in a colon; want host, host:port or *.domain")
	case port == "":
		return "", nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("port is not a number from 1 to 65535")
	}
	return strconv.FormatUint(n, 10), nil
}

// isBracketed reports whether s is [v6] or [v6]:port.
func isBracketed(s string) bool {
	inside, after, ok := strings.Cut(s[1:], "]")
	return ok && strings.Contains(inside, ":") && (after == "" || after[0] == ':')
}

// String is the canonical form; two registries that match the same have the same one.
func (r Registry) String() string {
	s := r.host
	if strings.Contains(s, ":") && r.port != "" {
		s = "[" + s + "]"
	}
	if r.subdomains {
		s = "*." + s
	}
	if r.port != "" {
		s += ":" + r.port
	}
	return s
}

// Covers reports whether a host is the registry or one of those that it stands for. The host is written as in an image's
// name: host or host:port, where no port means 443.
func (r Registry) Covers(host string) bool {
	host, port := splitPort(host)
	return r.matches(newEndpoint(host, port))
}

func (r Registry) matches(e endpoint) bool {
	if r.host == "" || (r.port != "" && r.port != e.port) {
		return false
	}
	if r.subdomains {
		return strings.HasSuffix(e.host, "."+r.host)
	}
	return e.host == r.host
}

// splitPort cuts host:port, [v6]:port and [v6]; a bare IPv6 address has no port.
func splitPort(s string) (host, port string) {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		host, port, _ = strings.Cut(rest, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	if strings.Count(s, ":") != 1 {
		return s, ""
	}
	host, port, _ = strings.Cut(s, ":")
	return host, port
}

// hostProfile maps as browsers do (case, width) but lets underscores and long names through: what a
// name may look like is checked elsewhere.
var hostProfile = idna.New(idna.MapForLookup(), idna.StrictDomainName(false))

// maxHost is how many bytes of UTF-8 a host may have to be read in IDNA form. A name has no more than 253 characters, and what
// encoding one costs grows with the square of its length.
const maxHost = 253 * utf8.UTFMax

func canonicalHost(host string) string {
	if ip, ok := parseIP(host); ok {
		return ip.WithZone("").String()
	}
	if !isPlain(host) && len(host) <= maxHost {
		if ascii, err := hostProfile.ToASCII(host); err == nil {
			host = ascii
		}
	}
	host = strings.ToLower(host)
	if host = strings.TrimSuffix(host, "."); host == "index.docker.io" {
		return "docker.io" // as containerd reads it in the name of an image
	}
	return host
}

// parseIP is netip.ParseAddr with a look first: most hosts are names, and an error costs.
func parseIP(host string) (ip netip.Addr, ok bool) {
	if host == "" || !strings.Contains(host, ":") && (host[len(host)-1] < '0' || host[len(host)-1] > '9') {
		return ip, false
	}
	ip, err := netip.ParseAddr(host)
	return ip, err == nil
}

// isPlain reports whether a host is in IDNA ASCII form for sure, as most are.
func isPlain(host string) bool {
	return strings.Trim(host, plain) == "" && !strings.Contains(host, "xn--")
}

const (
	alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
	plain        = alphanumeric + "-_."
)

func checkHostName(host string) error {
	if len(host) > 253 {
		return errors.New("host name is longer than 253 characters")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, alphanumeric+"-_") != "" ||
			strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return errors.New("not a host name; want host, host:port or *.domain")
		}
	}
	return nil
}
