package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
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
		Reads:  "`GET https://<registry>/v2/`, at the address that the node's `/etc/hosts` has and with what its hosts file says of the registry itself, without credentials, without following a redirect, and never through Spegel",
		Why:    "A registry that can't be reached, or whose certificate containerd does not trust, fails every pull. With Spegel before it the pod shows \"not found\" instead of that.",
		Fails:  "It fails if there is no answer (from another machine than the node that is a warning), if the certificate is not trusted, for another name or expired, and on an answer other than 200 and 401. It warns of a certificate that expires within two weeks and of one that nobody checks.",
		Mend:   "What the evidence names: the network, the certificate, or a `ca` in the registry's hosts file.",
		Limits: "The connection is made by the machine that doctor runs on, with its system's certificates; the evidence says so where that is not the node. A client's certificate is not sent.",
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
	for _, target := range x.targets {
		hops, err := x.direct(ctx, target)
		switch {
		case errors.As(err, new(*unreadError)):
			f.add(Warn, "%s: asked without what its hosts file says: %s", shownName(target), err)
		case err != nil:
			f.add(Fail, "%s: containerd can't use its hosts file: %s", shownName(target), line(err.Error()))
			f.mend("mend the hosts file of %s", word(target))
		}
		for _, h := range hops {
			x.reach(ctx, target, h, &f)
		}
	}
	return f.Result
}

// direct is the registry itself, as the node's hosts directory has it or else as containerd would take it. The
// error is why the directory does not say.
func (x *exam) direct(ctx context.Context, target string) (hops []hop, failed error) {
	if x.Files != nil {
		r, err := x.route(ctx, target)
		if failed = err; err == nil {
			for _, h := range r.hosts {
				if !h.spegel {
					hops = append(hops, h)
				}
			}
		}
	}
	if len(hops) == 0 {
		hosts, err := x.resolver(ctx, nil)(target)
		if err == nil {
			for _, h := range hosts {
				hops = append(hops, hop{h, false})
			}
		}
	}
	return hops, failed
}

func (x *exam) reach(ctx context.Context, target string, h hop, f *finding) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	at := h.url() + "/"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		f.add(Fail, "%s: %s", line(at), line(err.Error()))
		return
	}
	client := *h.Client
	req.Close = true // one question is all
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		status, why, fix := explainReach(target, err)
		if status == Warn && x.Files != nil && !x.Files.Remote() {
			status = Fail
		}
		f.add(status, "%s: %s", line(at), why)
		f.mend("%s", fix)
		return
	}
	_ = resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		f.add(Pass, "%s answers 200", line(at))
	case code == http.StatusUnauthorized:
		f.add(Pass, "%s answers 401: it asks for credentials", line(at))
	case code >= 300 && code < 400:
		f.add(Fail, "%s answers %d, a redirect: a registry does not do that at /v2/", line(at), code)
		f.mend("look at what stands before the registry: a proxy, a login page")
	default:
		f.add(Fail, "%s answers %d; want 200 or 401", line(at), code)
		f.mend("look at the registry's own log")
	}
	x.certificate(target, h, resp.TLS, f)
}

// certificate judges what the server showed.
func (x *exam) certificate(target string, h hop, state *tls.ConnectionState, f *finding) {
	if state == nil || len(state.PeerCertificates) == 0 {
		if h.Scheme == "http" {
			f.note("%s is asked without TLS", shownName(target))
		}
		return
	}
	cert := state.PeerCertificates[0]
	left := time.Until(cert.NotAfter)
	if len(state.VerifiedChains) == 0 {
		f.add(Warn, "%s: containerd does not check the certificate, by skip_verify or because the host is this machine", shownName(target))
	}
	switch {
	case left < 0:
		f.add(Fail, "%s: the certificate expired on %s", shownName(target), cert.NotAfter.UTC().Format(time.DateOnly))
	case left < expirySoon:
		f.add(Warn, "%s: the certificate expires on %s", shownName(target), cert.NotAfter.UTC().Format(time.DateOnly))
	default:
		f.note("%s: the certificate is good until %s", shownName(target), cert.NotAfter.UTC().Format(time.DateOnly))
		return
	}
	f.mend("renew the certificate of %s", shownName(target))
}

// explainReach says what an error of the connection means. It is a warning where another machine may have a
// way to the registry that this one lacks.
func explainReach(target string, err error) (status Status, why, fix string) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return Fail, "the certificate is signed by an authority that is not trusted",
			fmt.Sprintf("name the authority's certificate in the registry's hosts file: ca = \"/path/on/the/node/ca.crt\" in <hosts directory>/%s/hosts.toml", word(target))
	case errors.As(err, &name):
		return Fail, "the certificate is for another name: " + line(name.Error()), "give the registry a certificate for its name, or use the name that it has one for"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Fail, "the certificate has expired or is not valid yet: " + line(invalid.Error()), "renew the certificate of " + shownName(target)
	case errors.As(err, new(*net.DNSError)):
		return Warn, line(err.Error()), "see dns: without an address nothing can be reached"
	case errors.Is(err, context.DeadlineExceeded):
		return Warn, fmt.Sprintf("no answer within %s", reachTimeout), "look at the way to the registry: firewall, VPN, proxy"
	}
	return Warn, line(err.Error()), "look at the way to the registry: firewall, VPN, proxy"
}
