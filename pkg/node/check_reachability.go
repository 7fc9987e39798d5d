package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	reachTimeout = 10 * time.Second
	expirySoon   = 14 * 24 * time.Hour
)

func reachability() Check {
	return Check{
		ID:     "reachability",
		Title:  "Does the registry answer, with a certificate that is trusted?",
		Reads:  "`GET https://<registry>/v2/`, at the address that the node's `/etc/hosts` has, without credentials and without following a redirect. Where a hosts file says so, the host is its `server` and each of its other hosts that may be pulled from, with what the file says of them, and the path that of their URL (with `override_path` no `/v2` is added); Spegel is left out. A certificate is trusted by what the node's own system trusts: the file of authorities in `/etc/ssl` or `/etc/pki`, and the single ones in `/etc/ssl/certs` and `/etc/pki/tls/certs`",
		Why:    "A registry that can't be reached, or whose certificate containerd does not trust, fails every pull. With Spegel before it the pod shows \"not found\" instead of that.",
		Fails:  "It fails if there is no answer (from another machine than the node that is a warning), if the certificate is not trusted (where the node's own certificates, or a file that the hosts file names, could not be read, that is a warning), for another name or expired, and on an answer other than 200 and 401 (below a path of `override_path`, only on one of 500 and more). It is a warning where containerd has another host to ask in its place, and nothing where a `[host]` of the same URL answers before `server`. It warns of a certificate that expires within two weeks and of one that nobody checks.",
		Mend:   "What the evidence names: the network, the certificate, or a `ca` in the registry's hosts file.",
		Limits: "The connection is made by the machine that doctor runs on, and the evidence says so where that is not the node. Where the node's own certificates can't be read, that machine's are taken, and beside a `ca` they always are. A client's certificate is not sent.",
		run:    func(ctx context.Context, x *exam) Result { return x.reachability(ctx) },
	}
}

func (x *exam) reachability(ctx context.Context) Result {
	if len(x.targets) == 0 {
		return skip(noRegistry)
	}
	var f finding
	if x.Files == nil || x.Files.Remote() {
		f.note("asked from the machine that doctor runs on, not from the node")
	}
	x.trusted = x.readTrustStore(ctx)
	for _, target := range x.targets {
		hops, err := x.direct(ctx, target)
		unread := (*unreadError)(nil)
		switch {
		case errors.As(err, &unread):
			f.add(Warn, "%s: asked without what its hosts file says: %s", shownName(target), err)
		case err != nil:
			f.add(Fail, "%s: containerd can't use its hosts file: %s", shownName(target), line(err.Error()))
			f.mend("mend the hosts file of %s", word(target))
		}
		f.askEach(hops, func(h hop, f *finding) bool { return x.reach(ctx, target, h, unread, f) })
	}
	return f.Result
}

// reach asks one host for the root of its API, below which containerd asks for all else. Unread is what could not be read
// of what the node has for the registry; nil for nothing.
func (x *exam) reach(ctx context.Context, target string, h hop, unread *unreadError, f *finding) (answers bool) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	at := strings.TrimSuffix(h.url(), "/") + "/"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		f.add(Fail, "%s: %s", line(at), line(err.Error()))
		return false
	}
	asked := line(at)
	if h.entry != "" {
		asked += " (by " + h.entry + " of the hosts file)"
	}
	client := *h.Client
	req.Close = true // one question is all
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		status, why, fix := explainReach(target, h.Host, err)
		if status == Warn && x.Files != nil && !x.Files.Remote() {
			status = Fail
		}
		untrusted := errors.As(err, new(x509.UnknownAuthorityError))
		switch {
		case untrusted && unread != nil: // what was not read may name the authority
			status, fix = Warn, "hand over what could not be read too"
			if unread.file != "" {
				fix = "hand over " + word(unread.file) + " too"
			}
		case untrusted && x.trusted.err != nil:
			status = Warn
			why += ", by the certificates of the system, or the container, that doctor runs on; of the node's own, " + line(x.trusted.err.Error())
			f.mend("if the node has the authority among its own certificates, hand those over too: %s", strings.Join(trustBundles()[:2], " or "))
		}
		if untrusted && h.entry == entryServer {
			why += "; a ca for server stands before the first [host], and one below it is that host's"
		}
		f.add(status, "%s: %s", asked, why)
		f.mend("%s", fix)
		return false
	}
	_ = resp.Body.Close()
	judgeAnswer(asked, strings.HasSuffix(at, "/v2/"), resp.StatusCode, f)
	x.certificate(h, resp.TLS, f)
	return f.Status != Fail
}

// judgeAnswer judges the status of an answer. With override_path in a hosts file the root is not /v2, and what a host
// answers there is nowhere laid down.
func judgeAnswer(at string, isRoot bool, code int, f *finding) {
	switch {
	case code == http.StatusOK:
		f.add(Pass, "%s answers 200", at)
	case code == http.StatusUnauthorized:
		f.add(Pass, "%s answers 401: it asks for credentials", at)
	case !isRoot && code < 500:
		f.add(Pass, "%s answers %d: something is there, and what it answers at a path of override_path itself means nothing", at, code)
	case code >= 300 && code < 400:
		f.add(Fail, "%s answers %d, a redirect: a registry does not do that at /v2/", at, code)
		f.mend("look at what stands before the registry: a proxy, a login page")
	default:
		f.add(Fail, "%s answers %d; want 200 or 401", at, code)
		f.mend("look at the registry's own log")
	}
}

// certificate judges what the server showed.
func (x *exam) certificate(h hop, state *tls.ConnectionState, f *finding) {
	if state == nil || len(state.PeerCertificates) == 0 {
		if h.Scheme == "http" {
			f.note("%s is asked without TLS", shownName(h.Host))
		}
		return
	}
	cert := state.PeerCertificates[0]
	left := time.Until(cert.NotAfter)
	if len(state.VerifiedChains) == 0 {
		f.add(Warn, "%s: containerd does not check the certificate, by skip_verify or because the host is this machine", shownName(h.Host))
	}
	switch {
	case left < 0:
		f.add(Fail, "%s: the certificate expired on %s", shownName(h.Host), cert.NotAfter.UTC().Format(time.DateOnly))
	case left < expirySoon:
		f.add(Warn, "%s: the certificate expires on %s", shownName(h.Host), cert.NotAfter.UTC().Format(time.DateOnly))
	default:
		f.note("%s: the certificate is good until %s", shownName(h.Host), cert.NotAfter.UTC().Format(time.DateOnly))
		return
	}
	f.mend("renew the certificate of %s", shownName(h.Host))
}

// explainReach says what an error of the connection means. It is a warning where another machine may have a
// way to the registry that this one lacks.
func explainReach(target, host string, err error) (status Status, why, fix string) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return Fail, "the certificate is signed by an authority that is not trusted",
			fmt.Sprintf("name the authority's certificate for %s in the registry's hosts file: ca = \"/path/on/the/node/ca.crt\" in <hosts directory>/%s/hosts.toml, for server before the first [host]", shownName(host), word(target))
	case errors.As(err, &name):
		return Fail, "the certificate is for another name: " + line(name.Error()), "give the registry a certificate for its name, or use the name that it has one for"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Fail, "the certificate has expired or is not valid yet: " + line(invalid.Error()), "renew the certificate of " + shownName(host)
	case errors.As(err, new(*net.DNSError)):
		return Warn, line(err.Error()), "see dns: without an address nothing can be reached"
	case errors.Is(err, context.DeadlineExceeded):
		return Warn, fmt.Sprintf("no answer within %s", reachTimeout), "look at the way to the registry: firewall, VPN, proxy"
	}
	return Warn, line(err.Error()), "look at the way to the registry: firewall, VPN, proxy"
}
