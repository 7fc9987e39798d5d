package node_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// serveTLS serves with a certificate of its own authority, for a name and a time, and returns the certificate.
func serveTLS(t *testing.T, name string, until time.Time, handler http.HandlerFunc) (address, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" || r.Header.Get("Authorization") != "" {
			code = http.StatusTeapot
		}
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(code)
	}
}

func TestReachability(t *testing.T) {
	t.Parallel()
	const name = "registry.example.net"
	year := time.Now().Add(365 * 24 * time.Hour)
	tests := map[string]struct {
		certificate string
		until       time.Time
		answer      int
		hosts       string // what stands in the hosts file beside the ca
		status      node.Status
		says        string
	}{
		"200":                           {name, year, 200, "", node.Pass, "https://registry.example.net/v2/ answers 200"},
		"401":                           {name, year, 401, "", node.Pass, "answers 401: it asks for credentials"},
		"403":                           {name, year, 403, "", node.Fail, "answers 403; want 200 or 401"},
		"a redirect is not followed":    {name, year, 302, "", node.Fail, "answers 302, a redirect"},
		"for another name":              {"other.example.net", year, 200, "", node.Fail, "the certificate is for another name"},
		"expired":                       {name, time.Now().Add(-24 * time.Hour), 200, "", node.Fail, "the certificate has expired"},
		"expires within two weeks":      {name, time.Now().Add(48 * time.Hour), 200, "", node.Warn, "renew the certificate of registry.example.net"},
		"nobody checks the certificate": {"other.example.net", year, 200, "skip_verify = true\n", node.Warn, "containerd does not check the certificate"},
		"a header stays on the node":    {name, year, 200, "[header]\nAuthorization = 'Basic c2VjcmV0'\n", node.Pass, "answers 200"},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			address, ca := serveTLS(t, test.certificate, test.until, status(test.answer))
			c := content{
				certs + name + "/hosts.toml": "server = 'https://" + name + "'\nca = '/etc/ssl/own.crt'\n" + test.hosts,
				"etc/ssl/own.crt":            ca,
			}
			o := options{Files: c.root(t), Registries: registries(t, name), Dial: to(address), Lookup: unknown}
			want(t, examine(t, o)["reachability"], test.status, test.says)
		})
	}
	t.Run("an authority that is not known", func(t *testing.T) {
		t.Parallel()
		address, _ := serveTLS(t, name, year, status(200))
		o := options{Files: content{certs: "", "etc/ssl/certs/ca-certificates.crt": ""}.root(t), Registries: registries(t, name), Dial: to(address), Lookup: unknown}
		want(t, examine(t, o)["reachability"], node.Fail, "signed by an authority that is not trusted", "ca = ")
	})
	t.Run("an authority that the node's system trusts", func(t *testing.T) {
		t.Parallel()
		address, ca := serveTLS(t, name, year, status(200))
		_, other := serveTLS(t, name, year, status(200))
		for title, test := range map[string]struct {
			files  content
			status node.Status
			says   string
		}{
			"Debian":                        {content{"etc/ssl/certs/ca-certificates.crt": other + ca}, node.Pass, "answers 200"},
			"Fedora":                        {content{"etc/pki/tls/certs/ca-bundle.crt": linkTo("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"), "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": other + ca}, node.Pass, "answers 200"},
			"Talos":                         {content{"etc/ssl/certs/ca-certificates": other + ca}, node.Pass, "answers 200"},
			"beside the file of all":        {content{"etc/ssl/certs/ca-certificates.crt": other, "etc/ssl/certs/own.pem": ca}, node.Pass, "answers 200"},
			"another's":                     {content{"etc/ssl/certs/ca-certificates.crt": other}, node.Fail, "not trusted"},
			"the first file decides":        {content{"etc/ssl/certs/ca-certificates.crt": other, "etc/ssl/cert.pem": ca}, node.Fail, "not trusted"},
			"beside a ca of the hosts file": {content{"etc/ssl/certs/ca-certificates.crt": ca, certs + name + "/hosts.toml": "server = 'https://" + name + "'\nca = 'ca.crt'\n", certs + name + "/ca.crt": other}, node.Pass, "answers 200"},
			"a ca of another host":          {content{"etc/ssl/certs/ca-certificates.crt": other, certs + name + "/hosts.toml": "server = 'https://" + name + "'\n[host.'https://b.example.net']\ncapabilities = ['push']\nca = 'ca.crt'\n", certs + name + "/ca.crt": ca}, node.Fail, "not trusted"},
			"of the file of all, a link":    {content{"etc/ssl/certs/ca-certificates.crt": linkTo("/srv/all.crt")}, node.Warn, "hand those over too: /etc/ssl/certs/ca-certificates.crt or /etc/pki/tls/certs/ca-bundle.crt"},
			"not handed over":               {content{}, node.Warn, "by the certificates of the system, or the container, that doctor runs on"},
		} {
			c := content{"etc/hostname": "node-1\n", certs: ""}
			maps.Copy(c, test.files)
			for how, files := range map[string]node.Files{"folder": c.root(t), "tar": oneBundle(t, c.tar(t)), "talosctl": c.talos(t)} {
				t.Log(title, how)
				o := options{Files: files, Registries: registries(t, name), Dial: to(address), Lookup: unknown}
				if how == "talosctl" && title == "of the file of all, a link" {
					continue // a whole node: the link leads nowhere
				}
				want(t, examine(t, o)["reachability"], test.status, test.says)
			}
		}
	})
	t.Run("two entries of the same URL", func(t *testing.T) {
		t.Parallel()
		address, ca := serveTLS(t, name, year, status(401))
		const url = "https://" + name
		const trusts, untrusted = "[host.'" + url + "']\nca = 'ca.crt'\n", "https://registry.example.net/v2/: the certificate is signed by an authority that is not trusted"
		for file, test := range map[string]struct {
			status node.Status
			says   []string
		}{
			"server = '" + url + "'\n" + trusts: {node.Pass, []string{"https://registry.example.net/v2/ answers 401"}},
			trusts:                              {node.Pass, []string{"https://registry.example.net/v2/ answers 401"}},
			"server = '" + url + "'\n" + trusts + "capabilities = ['pull']\n":            {node.Fail, []string{untrusted, "for server before the first [host]"}},
			"server = '" + url + "'\nca = 'ca.crt'\n[host.'" + url + "']\n":              {node.Warn, []string{untrusted, "containerd asks another host when"}},
			"server = '" + url + "'\nca = 'ca.crt'\n[host.'" + url + "']\nca='ca.crt'\n": {node.Pass, []string{"answers 401"}},
		} {
			c := content{certs + name + "/hosts.toml": file, certs + name + "/ca.crt": ca, "etc/ssl/certs/ca-certificates.crt": ""}
			o := options{Files: c.root(t), Registries: registries(t, name), Dial: to(address), Lookup: unknown}
			got := examine(t, o)["reachability"]
			want(t, got, test.status, test.says...)
			if got.Status == node.Pass && got.Fix != "" {
				t.Errorf("a pass with a fix: %s", got.Fix)
			}
		}
	})
	t.Run("an authority in a file that was not handed over", func(t *testing.T) {
		t.Parallel()
		address, ca := serveTLS(t, name, year, status(200))
		c := content{"etc/hostname": "node-1\n", certs + name + "/hosts.toml": "server = 'https://" + name + "'\nca = '/srv/own.crt'\n"}
		o := options{Files: oneBundle(t, c.tar(t)), Registries: registries(t, name), Dial: to(address), Lookup: unknown}
		got := examine(t, o)["reachability"]
		want(t, got, node.Warn, "asked without what its hosts file says: /srv/own.crt is not part of what could be read", "hand over /srv/own.crt too")
		if contains(got.Fix, "ca = ") {
			t.Errorf("it tells to name what is named already: %s", got.Fix)
		}
		c["etc/own.crt"], c["srv/own.crt"] = ca, linkTo("/etc/own.crt")
		o.Files = c.root(t)
		want(t, examine(t, o)["reachability"], node.Pass, "answers 200")
	})
	t.Run("a name without an address is for check dns", func(t *testing.T) {
		t.Parallel()
		dial := func(ctx context.Context, _, address string) (net.Conn, error) {
			_, err := unknown(ctx, address)
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
		}
		o := options{Files: content{certs: ""}.root(t), Registries: registries(t, name), Dial: dial, Lookup: unknown}
		got := examine(t, o)["reachability"]
		want(t, got, node.Fail, "no such host", "see dns")
		if contains(got.Fix, "firewall") {
			t.Errorf("the way to an address that there is not: %s", got.Fix)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		must(t, l.Close())
		o := options{Files: content{certs: ""}.root(t), Registries: registries(t, name), Dial: to(l.Addr().String()), Lookup: unknown}
		want(t, examine(t, o)["reachability"], node.Fail, "connection refused", "look at the way to the registry")
		o.Files = oneBundle(t, content{certs + "x/hosts.toml": ""}.tar(t))
		want(t, examine(t, o)["reachability"], node.Warn, "asked from the machine that doctor runs on", "connection refused")
	})
}

func TestDNS(t *testing.T) {
	t.Parallel()
	o := options{Registries: registries(t, "harbor.example.com:8443", "*.example.org", "192.0.2.9"), Lookup: unknown, Dial: nowhere}
	o.Files = content{"etc/hosts": "# none\n192.0.2.1 other\n", "etc/resolv.conf": "nameserver 192.0.2.53\n"}.root(t)
	want(t, examine(t, o)["dns"], node.Fail, "harbor.example.com has no address, says the node's resolver", "192.0.2.9 is an address", "names 192.0.2.53", "give the name to a resolver in /etc/resolv.conf")
	o.Files = content{"etc/hosts": "192.0.2.1 HARBOR.example.com. # ours\n"}.root(t)
	want(t, examine(t, o)["dns"], node.Pass, "harbor.example.com is 192.0.2.1 in the node's /etc/hosts")
	o.Files = oneBundle(t, content{"etc/hosts": "x"}.tar(t))
	want(t, examine(t, o)["dns"], node.Warn, "says the resolver of the machine that doctor runs on, not of the node")
	want(t, examine(t, options{})["dns"], node.Skip, "name it with --private-registry")
}
