package containerd

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"path"
	"slices"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
)

// Bounds on the certificates that a node trusts.
const (
	maxTrust      = 4 << 20 // bytes of them all
	maxTrustFiles = 1000    // files of one folder
	trustTimeout  = 15 * time.Second
)

// TrustBundles are the files of which containerd, as a program in Go, takes the first one for the authorities to trust.
func TrustBundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	}
}

// trustFolders hold single certificates, which it trusts too.
func trustFolders() []string { return []string{"/etc/ssl/certs", "/etc/pki/tls/certs"} }

// TrustStore is what containerd trusts on a node beside what a hosts file names.
type TrustStore struct {
	Err error // why it may not be all
	pem []byte
}

// ReadTrustStore reads it, for all that is resolved from then on.
func (n *Node) ReadTrustStore(ctx context.Context) *TrustStore {
	s := &TrustStore{}
	n.trusted = s
	if n.Files == nil {
		s.Err = errors.New("there is no node to look at")
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, trustTimeout)
	defer cancel()
	missed := func(name string, err error) { // the first that leaves open what the node has
		if err != nil && !nodefs.IsMissing(err) && s.Err == nil {
			s.Err = nodefs.Unread(name, err)
		}
	}
	read := func(name string) bool {
		data, err := n.Files.ReadFile(ctx, name, int64(min(nodefs.MaxFile, maxTrust-len(s.pem))))
		missed(name, err)
		s.pem = append(append(s.pem, data...), '\n')
		return err == nil
	}
	bundled := slices.ContainsFunc(TrustBundles(), read)
	for _, folder := range trustFolders() {
		entries, err := n.Files.ReadDir(ctx, folder)
		missed(folder, err)
		for _, e := range entries[:min(len(entries), maxTrustFiles)] {
			if !e.Type.IsDir() {
				read(path.Join(folder, e.Name))
			}
		}
	}
	switch {
	case bundled: // single files repeat it, and their links may lead to what is not there
		s.Err = nil
	case len(bytes.TrimSpace(s.pem)) == 0 && s.Err == nil && n.Files.Remote():
		s.Err = errors.New("none of them were found")
	}
	return s
}

// pool is what a client of this machine trusts as the node does: nothing else if that is known, or else what the machine does too.
func (s *TrustStore) pool() (*x509.CertPool, error) {
	if s != nil && s.Err == nil {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(s.pem)
		return pool, nil
	}
	pool, err := x509.SystemCertPool()
	if err == nil && s != nil {
		pool.AppendCertsFromPEM(s.pem)
	}
	return pool, err
}
