package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// trust is what the API server verifies a certificate against, one entry a webhook.
type trust []verifier

type verifier struct {
	webhook string
	open    bool // without an answer the API server admits
	host    string
	roots   *x509.CertPool // nil: those of the API server's own machine, which nobody here knows
}

// trustOf reads what a configuration says.
func trustOf(config *admissionregistrationv1.ValidatingWebhookConfiguration) trust {
	var t trust
	for _, w := range config.Webhooks {
		v := verifier{webhook: w.Name, open: w.FailurePolicy != nil && *w.FailurePolicy == admissionregistrationv1.Ignore}
		switch to := w.ClientConfig; {
		case to.Service != nil:
			v.host = to.Service.Name + "." + to.Service.Namespace + ".svc"
			v.roots = x509.NewCertPool() // no other root vouches for such a name, so none is what an empty bundle trusts
		case to.URL != nil:
			if u, err := url.Parse(*to.URL); err == nil {
				v.host = u.Hostname()
			}
		}
		if cas := parse(w.ClientConfig.CABundle); len(cas) > 0 {
			v.roots = x509.NewCertPool()
			for _, ca := range cas {
				v.roots.AddCert(ca)
			}
		}
		t = append(t, v)
	}
	return t
}

// verify does what the API server will do with a certificate, for the webhooks that fail closed or for all.
func (t trust) verify(cert *tls.Certificate, now time.Time, all bool) error {
	between := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	var errs []error
	for _, v := range t {
		if v.roots == nil || v.open && !all {
			continue
		}
		_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: v.host, Roots: v.roots, Intermediates: between, CurrentTime: now})
		if err != nil {
			errs = append(errs, fmt.Errorf("the API server does not trust the certificate for webhook %s: %w", v.webhook, err))
		}
	}
	return errors.Join(errs...)
}
