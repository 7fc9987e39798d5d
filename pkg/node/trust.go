package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"path"
	"time"
)

// Bounds on the certificates that a node trusts.
const (
	maxTrust      = 4 << 20 // bytes of them all
	maxTrustFiles = 1000    // files of one folder
	trustTimeout  = 15 * time.Second
)

// trustBundles are the files of which containerd, as a program in Go, takes the first one for the authorities to trust.
func trustBundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	}
}

// trustFolders hold single certificates, which it trusts too.
func trustFolders() []string { return []string{"/etc/ssl/certs", "/etc/pki/tls/certs"} }

// trustStore is what containerd trusts on a node beside what a hosts file names.
type trustStore struct {
	pem []byte
	err error // why it may not be all
}

func (x *exam) readTrustStore(ctx context.Context) *trustStore {
	s := &trustStore{}
	if x.Files == nil {
		s.err = &unreadError{text: "there is no node to look at"}
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, trustTimeout)
	defer cancel()
	bundle := ""
	for _, name := range trustBundles() {
		if s.read(ctx, x.Files, name) {
			bundle = name
			break
		}
	}
	for _, folder := range trustFolders() {
		entries, err := x.Files.ReadDir(ctx, folder)
		s.missed(folder, err)
		for _, e := range entries[:min(len(entries), maxTrustFiles)] {
			if name := path.Join(folder, e.Name); name != bundle && !e.Type.IsDir() {
				s.read(ctx, x.Files, name)
			}
		}
	}
	switch {
	case bundle != "": // single files repeat it, and their links may lead to what is not there
		s.err = nil
	case len(s.pem) == 0 && s.err == nil && x.Files.Remote():
		s.err = &unreadError{text: "none of them were found"}
	}
	return s
}

// read adds a file.
func (s *trustStore) read(ctx context.Context, files Files, name string) bool {
	if err := ctx.Err(); err != nil {
		s.missed(name, err)
		return false
	}
	data, err := files.ReadFile(ctx, name, maxFile)
	if err == nil && len(s.pem)+len(data) >= maxTrust {
		err = errTooLarge
	}
	if err != nil {
		s.missed(name, err)
		return false
	}
	s.pem = append(append(s.pem, data...), '\n')
	return true
}

// missed keeps the first error that leaves open what the node has.
func (s *trustStore) missed(name string, err error) {
	if err != nil && !isMissing(err) && s.err == nil {
		s.err = unreadFile(name, err)
	}
}

// trust has a client trust what the node does: nothing else if that is known, or else what this machine does too.
func (s *trustStore) trust(c *tls.Config) {
	if s == nil {
		return
	}
	if c.RootCAs == nil {
		pool := x509.NewCertPool()
		if s.err != nil {
			var err error
			if pool, err = x509.SystemCertPool(); err != nil {
				return
			}
		}
		c.RootCAs = pool
	}
	c.RootCAs.AppendCertsFromPEM(s.pem)
}
