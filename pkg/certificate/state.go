package certificate

import (
	"bytes"
	"crypto/x509"
	"maps"
	"slices"
	"time"
)

// The keys of the Secret.
const (
	keyCA      = "ca.crt" // the CA that signs comes first, then those before it until they expire
	keyCAKey   = "ca.key"
	keyCert    = "tls.crt"
	keyCertKey = "tls.key"
	keyNext    = "next-ca.crt" // is trusted, and signs once the overlap is over
	keyNextKey = "next-ca.key"
)

// state is the data of the Secret.
type state map[string][]byte

func (s state) equal(other state) bool { return maps.EqualFunc(s, other, bytes.Equal) }

// trusted is what belongs into the caBundle.
func (s state) trusted() []*x509.Certificate {
	return append(parse(s[keyCA]), parse(s[keyNext])...)
}

// whole reports whether there is a CA, alive, to go on from.
func (s state) whole(now time.Time) bool { return len(live(parse(s[keyCA]), now)) > 0 }

// advance makes what is due and returns the state to keep; inForce is what the caBundle holds. It is a
// function of its arguments, except for the random keys, so replicas that see the same do the same.
//
// No certificate is served whose CA has not been in the caBundle for the overlap, and no CA leaves the
// caBundle before all that it signed has expired. So it does not matter in which order replicas and API
// servers learn of a step.
func (a authority) advance(now time.Time, was state, inForce []*x509.Certificate) (state, error) {
	s := maps.Clone(was)
	cas := live(parse(s[keyCA]), now)
	if len(cas) == 0 {
		ca, key, err := a.newCA(now)
		if err != nil {
			return nil, err
		}
		// what the caBundle holds stays: a replica may serve by it
		s = state{keyCAKey: key}
		cas = append([]*x509.Certificate{ca}, live(inForce, now)...)
	}
	var err error
	if fits(cas[0], s[keyCAKey]) && !a.retires(cas[0], now) {
		delete(s, keyNext)
		delete(s, keyNextKey)
	} else if cas, err = a.succeed(now, s, cas, inForce); err != nil {
		return nil, err
	}
	if fits(cas[0], s[keyCAKey]) && a.due(cas[0], s[keyCert], s[keyCertKey], now) {
		if s[keyCert], s[keyCertKey], err = a.sign(cas[0], s[keyCAKey], now); err != nil {
			return nil, err
		}
	}
	s[keyCA] = encode(cas...)
	return s, nil
}

// succeed makes the next CA if there is none, and has it sign once everybody trusts it. Where nothing that
// is served could fail, there is nothing to wait for.
func (a authority) succeed(now time.Time, s state, cas, inForce []*x509.Certificate) ([]*x509.Certificate, error) {
	next := live(parse(s[keyNext]), now)
	if len(next) == 0 || a.retires(next[0], now) || !fits(next[0], s[keyNextKey]) {
		ca, key, err := a.newCA(now)
		if err != nil {
			return nil, err
		}
		next, s[keyNextKey] = []*x509.Certificate{ca}, key
		s[keyNext] = encode(ca)
	}
	if a.serves(cas[0], s[keyCert], s[keyCertKey], now) && (!holds(inForce, next[0]) || !a.settled(next[0], now)) {
		return cas, nil
	}
	s[keyCAKey] = s[keyNextKey]
	delete(s, keyNext)
	delete(s, keyNextKey)
	return append(next[:1:1], cas...), nil
}

// live leaves out what has expired, what is no CA, and what was there before.
func live(certs []*x509.Certificate, now time.Time) []*x509.Certificate {
	var found []*x509.Certificate
	for _, cert := range certs {
		if cert.IsCA && now.Before(cert.NotAfter) && !holds(found, cert) {
			found = append(found, cert)
		}
	}
	return found
}

func holds(certs []*x509.Certificate, cert *x509.Certificate) bool {
	return slices.ContainsFunc(certs, cert.Equal)
}

// same reports whether two lists hold the same certificates, in any order.
func same(a, b []*x509.Certificate) bool {
	in := func(all []*x509.Certificate) func(*x509.Certificate) bool {
		return func(c *x509.Certificate) bool { return !holds(all, c) }
	}
	return len(a) == len(b) && !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}
