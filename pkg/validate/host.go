package validate

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

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
	switch bracket := strings.HasPrefix(s, "["); {
	case bracket && !isBracketed(s):
		return r, errors.New("brackets are for an IPv6 address; want host, host:port or *.domain")
	case port == "" && strings.HasSuffix(s, ":") && (bracket || strings.Count(s, ":") == 1):
		return r, errors.New("ends in a colon; want host, host:port or *.domain")
	case port != "":
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return r, errors.New("port is not a number from 1 to 65535")
		}
		r.port = strconv.FormatUint(n, 10)
	}
	host, r.subdomains = strings.CutPrefix(host, "*.")
	r.host = canonicalHost(host)
	if _, err := netip.ParseAddr(r.host); err == nil {
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

// isBracketed tells whether s is [v6] or [v6]:port.
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

func canonicalHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone("").String()
	}
	if ascii, err := hostProfile.ToASCII(host); err == nil {
		host = ascii
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func checkHostName(host string) error {
	if len(host) > 253 {
		return errors.New("host name is longer than 253 characters")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" ||
			strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return errors.New("not a host name; want host, host:port or *.domain")
		}
	}
	return nil
}
