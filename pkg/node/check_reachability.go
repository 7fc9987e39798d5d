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

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

const (
	reachTimeout = 10 * time.Second
	expirySoon   = 14 * 24 * time.Hour
)

func (x *run) reachability(ctx context.Context) Result {
	var f Result
	if x.Files == nil || x.Files.Remote() {
		f.note("asked from the machine that doctor runs on, not from the node")
	}
	trusted := x.node.ReadTrustStore(ctx)
	for _, target := range x.targets {
		hosts, err := x.upstreams(ctx, target)
		unread := (*nodefs.UnreadError)(nil)
		switch {
		case errors.As(err, &unread):
			f.add(Warn, "%s: asked without what its hosts file says: %s", redact.Name(target), err)
		case err != nil:
			f.add(Fail, "%s: containerd can't use its hosts file: %s", redact.Name(target), redact.Line(err.Error()))
			f.fix("%s", x.fixUse(ctx, x.hostsDirs(ctx).Folder(target)))
		}
		f.askEach(hosts, func(h containerd.Host, f *Result) bool { return x.reach(ctx, h, unread, trusted.Err, f) })
	}
	return f
}

// reach asks one host for the root of its API, below which containerd asks for all else. Unread is what could not be read
// of what the node has for the registry, and untold why its own certificates may not be all known; nil for nothing.
func (x *run) reach(ctx context.Context, h containerd.Host, unread *nodefs.UnreadError, untold error, f *Result) (answers bool) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	at := strings.TrimSuffix(h.URL(), "/") + "/"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		f.add(Fail, "%s: %s", redact.Line(at), redact.Line(err.Error()))
		return false
	}
	asked := redact.Line(at)
	client := *h.Client
	req.Close = true // one question is all
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		status, why, fix := explainReach(h.Host, err)
		if status == Warn && x.Files != nil && !x.Files.Remote() {
			status = Fail
		}
		untrusted := errors.As(err, new(x509.UnknownAuthorityError))
		if untrusted {
			fix = "name the authority's certificate for " + redact.Name(h.Host) + " " + x.distribution(ctx).Trust
		}
		switch {
		case untrusted && unread != nil: // what was not read may name the authority
			status, fix = Warn, "hand over what could not be read too"
			if unread.Name != "" {
				fix = "hand over " + word(unread.Name) + " too"
			}
		case untrusted && untold != nil:
			status = Warn
			why += ", by the certificates of the system, or the container, that doctor runs on; of the node's own, " + redact.Line(untold.Error())
			f.fix("if the node has the authority among its own certificates, hand those over too: %s", strings.Join(containerd.TrustBundles()[:2], " or "))
		}
		f.add(status, "%s: %s", asked, why)
		f.fix("%s", fix)
		return false
	}
	_ = resp.Body.Close()
	judgeAnswer(asked, strings.HasSuffix(at, "/v2/"), resp.StatusCode, f)
	x.certificate(h, resp.TLS, f)
	return f.Status != Fail
}

// judgeAnswer judges the status of an answer. With override_path in a hosts file the root is not /v2, and what a host
// answers there is nowhere laid down.
func judgeAnswer(at string, isRoot bool, code int, f *Result) {
	switch {
	case code == http.StatusOK:
		f.add(Pass, "%s answers 200", at)
	case code == http.StatusUnauthorized:
		f.add(Pass, "%s answers 401: it asks for credentials", at)
	case !isRoot && code < 500:
		f.add(Pass, "%s answers %d: something is there, and what it answers at a path of override_path itself means nothing", at, code)
	case code >= 300 && code < 400:
		f.add(Fail, "%s answers %d, a redirect: a registry does not do that at /v2/", at, code)
		f.fix("look at what stands before the registry: a proxy, a login page")
	default:
		f.add(Fail, "%s answers %d; want 200 or 401", at, code)
		f.fix("look at the registry's own log")
	}
}

// certificate judges what the server showed.
func (x *run) certificate(h containerd.Host, state *tls.ConnectionState, f *Result) {
	if state == nil || len(state.PeerCertificates) == 0 {
		if h.Scheme == "http" {
			f.note("%s is asked without TLS", redact.Name(h.Host))
		}
		return
	}
	cert := state.PeerCertificates[0]
	left := time.Until(cert.NotAfter)
	if len(state.VerifiedChains) == 0 {
		f.add(Warn, "%s: containerd does not check the certificate, by skip_verify or because the host is this machine", redact.Name(h.Host))
	}
	switch {
	case left < 0:
		f.add(Fail, "%s: the certificate expired on %s", redact.Name(h.Host), cert.NotAfter.UTC().Format(time.DateOnly))
	case left < expirySoon:
		f.add(Warn, "%s: the certificate expires on %s", redact.Name(h.Host), cert.NotAfter.UTC().Format(time.DateOnly))
	default:
		f.note("%s: the certificate is good until %s", redact.Name(h.Host), cert.NotAfter.UTC().Format(time.DateOnly))
		return
	}
	f.fix("renew the certificate of %s", redact.Name(h.Host))
}

// explainReach says what an error of the connection means. It is a warning where another machine may have a
// way to the registry that this one lacks.
func explainReach(host string, err error) (status Status, why, fix string) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return Fail, "the certificate is signed by an authority that is not trusted", ""
	case errors.As(err, &name):
		return Fail, "the certificate is for another name: " + redact.Line(name.Error()), "give the registry a certificate for its name, or use the name that it has one for"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Fail, "the certificate has expired or is not valid yet: " + redact.Line(invalid.Error()), "renew the certificate of " + redact.Name(host)
	case errors.As(err, new(*net.DNSError)):
		return Warn, redact.Line(err.Error()), "see dns: without an address nothing can be reached"
	case errors.Is(err, context.DeadlineExceeded):
		return Warn, fmt.Sprintf("no answer within %s", reachTimeout), "look at the way to the registry: firewall, VPN, proxy"
	}
	return Warn, redact.Line(err.Error()), "look at the way to the registry: firewall, VPN, proxy"
}
