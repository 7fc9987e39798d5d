package node_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// recorder answers every request alike and keeps what was asked.
type recorder struct {
	sync.Mutex
	asked []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.Lock()
	defer r.Unlock()
	root, _, _ := strings.Cut(req.URL.Path, "team/app/manifests/v1")
	if at := req.Host + root; !slices.Contains(r.asked, at) {
		r.asked = append(r.asked, at)
	}
	w.WriteHeader(http.StatusNotFound)
}

// Doctor asks the hosts that containerd asks, in its order, and at the same root.
func TestReachabilityAsksWhatContainerdAsks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dir, file string
		want      []string
	}{
		"a server elsewhere":               {host, "server = 'http://other.example.net'\n", []string{"other.example.net/v2/"}},
		"a server for all":                 {"_default", "server = 'http://other.example.net:5000/'\n", []string{"other.example.net:5000/v2/"}},
		"a path":                           {host, "server = 'http://other.example.net/proxy'\n", []string{"other.example.net/proxy/v2/"}},
		"a path that is the root":          {host, "server = 'http://other.example.net/v2/proxy/'\noverride_path = true\n", []string{"other.example.net/v2/proxy/"}},
		"no path, and that is the root":    {host, "server = 'http://other.example.net'\noverride_path = true\n", []string{"other.example.net/"}},
		"a slash, and that is the root":    {host, "server = 'http://other.example.net/'\noverride_path = true\n", []string{"other.example.net/"}},
		"mirrors, and one only to push":    {host, "server = 'http://example.com'\n[host.'http://b.example.net']\n[host.'http://c.example.net']\ncapabilities = ['push']\n[host.'http://a.example.net']\n", []string{"b.example.net/v2/", "a.example.net/v2/", "example.com/v2/"}},
		"a mirror with a path as its root": {host, "server = 'http://example.com'\n[host.'http://b.example.net/v2/hub']\noverride_path = true\n", []string{"b.example.net/v2/hub/", "example.com/v2/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := content{certs + test.dir + "/hosts.toml": test.file}.dir(t)
			ask := func(f func(dial func(context.Context, string, string) (net.Conn, error))) []string {
				r := &recorder{}
				server := httptest.NewServer(r)
				defer server.Close()
				f(to(server.Listener.Addr().String()))
				return r.asked
			}
			containerd := ask(func(dial func(context.Context, string, string) (net.Conn, error)) {
				if err := fetch(t, filepath.Join(root, certs), "", dial); err == nil {
					t.Error("an image came of it")
				}
			})
			doctor := ask(func(dial func(context.Context, string, string) (net.Conn, error)) {
				examine(t, options{Files: openRoot(t, root), Registries: registries(t, host), Dial: dial, Lookup: unknown})
			})
			if diff := cmp.Diff(test.want, containerd); diff != "" {
				t.Errorf("containerd asks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(containerd, doctor); diff != "" {
				t.Errorf("doctor asks (-containerd +doctor):\n%s", diff)
			}
		})
	}
}

// A host that fails is no failure where containerd has another one to ask.
func TestOneOfSeveralHosts(t *testing.T) {
	t.Parallel()
	answers := func(code int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
	good, bad, missing := answers(401), answers(503), answers(404)
	dial := dialer(func(address string) string {
		switch strings.SplitN(address, ".", 2)[0] {
		case "good":
			return good
		case "missing":
			return missing
		}
		return bad
	})
	for name, test := range map[string]struct {
		file   string
		status node.Status
		says   string
	}{
		"the mirror fails":                     {"server = 'http://good.example.net'\n[host.'http://bad.example.net']\n", node.Warn, "containerd asks another host when bad.example.net fails"},
		"the server fails":                     {"server = 'http://bad.example.net'\n[host.'http://good.example.net']\n", node.Warn, "http://bad.example.net/v2/ answers 503"},
		"the mirror may not resolve tags":      {"server = 'http://bad.example.net'\n[host.'http://good.example.net']\ncapabilities = ['pull']\n", node.Fail, "answers 503"},
		"both fail":                            {"server = 'http://bad.example.net'\n[host.'http://bad2.example.net']\n", node.Fail, "http://bad2.example.net/v2/ answers 503"},
		"not found at /v2/":                    {"server = 'http://missing.example.net'\n", node.Fail, "http://missing.example.net/v2/ answers 404"},
		"not found at a root of override_path": {"server = 'http://missing.example.net/v2/hub'\noverride_path = true\n", node.Pass, "http://missing.example.net/v2/hub/ answers 404: something is there"},
		"an error at a root of override_path":  {"server = 'http://bad.example.net/v2/hub'\noverride_path = true\n", node.Fail, "http://bad.example.net/v2/hub/ answers 503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{certs + host + "/hosts.toml": test.file}
			o := options{Files: c.root(t), Registries: registries(t, host), Dial: dial, Lookup: unknown}
			want(t, examine(t, o)["reachability"], test.status, test.says)
		})
	}
}

// The names that are looked up are those that containerd connects to.
func TestDNSOfTheHostsThatAreAsked(t *testing.T) {
	t.Parallel()
	lookup := func(ctx context.Context, name string) ([]string, error) {
		switch name {
		case "registry-1.docker.io", "other.example.net":
			return []string{"192.0.2.1"}, nil
		case "blocked.example.net":
			return []string{"::", "0.0.0.0"}, nil
		case "half.example.net":
			return []string{"::", "192.0.2.1"}, nil
		}
		return unknown(ctx, name)
	}
	for name, test := range map[string]struct {
		registry, hosts, file string
		status                node.Status
		says                  string
	}{
		"Docker Hub":                    {"docker.io", "", "", node.Pass, "registry-1.docker.io, asked for docker.io, is 192.0.2.1"},
		"a server elsewhere":            {host, "", "server = 'https://other.example.net'\n", node.Pass, "other.example.net, asked for example.com, is 192.0.2.1, says the node's resolver"},
		"a server elsewhere, unknown":   {"other.example.net", "", "server = 'https://none.example.net:8443'\n", node.Fail, "none.example.net, asked for other.example.net, has no address"},
		"a server that is an address":   {host, "", "server = 'http://192.0.2.9:5000'\n", node.Pass, "192.0.2.9, asked for example.com, is an address"},
		"a mirror unknown":              {host, "", "server = 'https://other.example.net'\n[host.'https://none.example.net']\n", node.Warn, "containerd asks another host when none.example.net fails"},
		"Spegel is not looked up":       {"other.example.net", "", "server = 'https://other.example.net'\n[host.'http://node.internal:30020']\n", node.Pass, "other.example.net is 192.0.2.1"},
		"a name that is blocked":        {"blocked.example.net", "", "", node.Fail, "blocked.example.net is 0.0.0.0 and ::, says the node's resolver: it blocks the name"},
		"one of its addresses is none":  {"half.example.net", "", "", node.Pass, "half.example.net is 192.0.2.1 and ::"},
		"a name that /etc/hosts blocks": {"other.example.net", "0.0.0.0 other.example.net\n", "", node.Fail, "other.example.net is 0.0.0.0 in the node's /etc/hosts: it blocks the name"},
		"a server that /etc/hosts has":  {host, "192.0.2.4 none.example.net\n", "server = 'https://none.example.net'\n", node.Pass, "none.example.net, asked for example.com, is 192.0.2.4 in the node's /etc/hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{certs: "", "etc/hosts": test.hosts}
			if test.file != "" {
				c[certs+test.registry+"/hosts.toml"] = test.file
			}
			o := options{Files: c.root(t), Registries: registries(t, test.registry), Dial: nowhere, Lookup: lookup}
			want(t, examine(t, o)["dns"], test.status, test.says)
		})
	}
}
