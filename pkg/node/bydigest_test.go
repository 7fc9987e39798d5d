package node_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// TestContentByDigest shows what a mirror that may not resolve tags is asked, with containerd's own code: for no tag, and for
// all content first. If the registry fails then, the answer of Spegel is the one that is shown.
func TestContentByDigest(t *testing.T) {
	t.Parallel()
	var tags, digests atomic.Int32
	spegel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/v1") {
			tags.Add(1)
		} else {
			digests.Add(1)
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(spegel.Close)
	good := privateRegistry(t)
	var broken atomic.Bool
	registry := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() && strings.Contains(r.URL.Path, "/blobs/") {
			http.Error(w, "the disk is full", http.StatusForbidden)
			return
		}
		good.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(registry.Close)
	dial := to(registry.Listener.Addr().String())
	const certs = "etc/containerd/certs.d/"
	direct := "server = 'https://" + host + "'\nca = 'ca.crt'\n"
	through := direct + "[host.'http://" + spegel.Listener.Addr().String() + "']\ncapabilities = ['pull']\n"
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: registry.Certificate().Raw}))
	hosts := func(file string) string {
		return content{certs + host + "/hosts.toml": file, certs + host + "/ca.crt": ca}.dir(t)
	}
	toMirror := dialer(func(address string) string {
		if address == spegel.Listener.Addr().String() {
			return address
		}
		return registry.Listener.Addr().String()
	})

	root := hosts(through)
	if err := fetch(t, root+"/"+certs, "secret", toMirror); err != nil {
		t.Fatalf("with a registry that is well: %v", err)
	}
	if tags.Load() != 0 || digests.Load() != 3 {
		t.Errorf("Spegel was asked for %d tags and %d digests; want none, and manifest, configuration and layer", tags.Load(), digests.Load())
	}
	broken.Store(true)
	if err := fetch(t, hosts(direct)+"/"+certs, "secret", toMirror); err == nil || errdefs.IsNotFound(err) {
		t.Errorf("with a registry that fails, without Spegel: %v", err)
	}
	if err := fetch(t, root+"/"+certs, "secret", toMirror); !errdefs.IsNotFound(err) {
		t.Errorf("with a registry that fails, through Spegel: %v; want not found", err)
	}
	results := examine(t, options{Files: openRoot(t, root), Registries: registries(t, host), Image: host + "/team/app:v1", Dial: dial, Lookup: unknown})
	want(t, results["resolution"], node.Warn, "the content, by digest, of Spegel, then the registry", "Spegel's \"not found\" may hide why")
	want(t, results["mirror-config"], node.Fail, "sends containerd to Spegel")
	public := examine(t, options{Files: openRoot(t, root), Image: host + "/team/app:v1", Dial: dial, Lookup: unknown})
	want(t, public["resolution"], node.Pass, "the content, by digest, of Spegel, then the registry")
}
