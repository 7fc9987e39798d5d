package certificate

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

const (
	caName = "spegel-guard-ca"
	// skew is how far back a certificate is dated, since clocks differ.
	skew = time.Hour
)

// How long what is made lasts: as in the cert-manager install.
const (
	// caLife is that of a CA. The next one is made while this one can still sign for a whole certificateLife.
	caLife = 5 * 365 * 24 * time.Hour
	// certificateLife is that of a serving certificate. It is renewed when a third of it is left.
	certificateLife = 90 * 24 * time.Hour
	// Overlap is how long a new CA is in the caBundle before anything that it signed is served.
	Overlap = time.Hour
)

// authority makes CAs and certificates, and says when they are due.
type authority struct {
	dnsName                  string
	ca, certificate, overlap time.Duration
}

func (a authority) newCA(now time.Time) (*x509.Certificate, []byte, error) {
	ca, keyPEM, err := create(&x509.Certificate{
		Subject:   pkix.Name{CommonName: caName, Organization: []string{"spegel-guard"}},
		NotBefore: now.Add(-skew), NotAfter: now.Add(a.ca), IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("make a CA: %w", err)
	}
	return ca, keyPEM, nil
}

// sign makes a serving certificate. It ends with its CA, if that comes first.
func (a authority) sign(ca *x509.Certificate, caKeyPEM []byte, now time.Time) (certPEM, keyPEM []byte, err error) {
	signer, err := signingKey(ca, caKeyPEM)
	if err != nil {
		return nil, nil, err
	}
	cert, keyPEM, err := create(&x509.Certificate{
		Subject: pkix.Name{CommonName: a.dnsName}, DNSNames: []string{a.dnsName},
		NotBefore: now.Add(-skew), NotAfter: a.end(ca, now),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, signer)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	return encode(cert), keyPEM, nil
}

// create makes a key and a certificate for it, signed by a CA or, without one, by itself.
func create(template, ca *x509.Certificate, signer *rsa.PrivateKey) (*x509.Certificate, []byte, error) {
	template.BasicConstraintsValid = true
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	if ca == nil {
		ca, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), err
}

func (a authority) end(ca *x509.Certificate, now time.Time) time.Time {
	if end := now.Add(a.certificate); end.Before(ca.NotAfter) {
		return end
	}
	return ca.NotAfter
}

// serves reports whether a certificate with its key is good at a time.
func (a authority) serves(ca *x509.Certificate, cert, key []byte, at time.Time) bool {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: a.dnsName, Roots: roots, CurrentTime: at}) // for a server, by default
	return err == nil
}

// due reports whether a serving certificate has to be made anew. One that ends with its CA is as long as
// it can be.
func (a authority) due(ca *x509.Certificate, cert, key []byte, now time.Time) bool {
	if !a.serves(ca, cert, key, now) {
		return true
	}
	return !a.serves(ca, cert, key, now.Add(a.certificate/3)) && !parse(cert)[0].NotAfter.Equal(ca.NotAfter)
}

// retires reports whether a CA must be followed by another: what it signs after the overlap would not live in full.
func (a authority) retires(ca *x509.Certificate, now time.Time) bool {
	return now.Add(a.overlap + a.certificate).After(ca.NotAfter)
}

// settled reports whether a CA was made long enough ago to sign.
func (a authority) settled(ca *x509.Certificate, now time.Time) bool {
	return !now.Before(ca.NotBefore.Add(skew + a.overlap))
}

var errNoKey = errors.New("the key of the CA is missing or not its own")

func signingKey(ca *x509.Certificate, keyPEM []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, errNoKey
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil || !key.PublicKey.Equal(ca.PublicKey) {
		return nil, errNoKey // an error of the parser could tell something of the key
	}
	return key, nil
}

// fits reports whether a CA can sign with a key.
func fits(ca *x509.Certificate, keyPEM []byte) bool {
	_, err := signingKey(ca, keyPEM)
	return err == nil
}

// parse reads the certificates of a PEM text, and leaves out what is none.
func parse(text []byte) []*x509.Certificate {
	var found []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			found = append(found, cert)
		}
	}
	return found
}

func encode(certs ...*x509.Certificate) []byte {
	var text bytes.Buffer
	for _, cert := range certs {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}) // a buffer takes it all
	}
	return text.Bytes()
}
