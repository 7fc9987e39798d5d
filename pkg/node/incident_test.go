package node_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// host is the private registry's name. The certificate of net/http/httptest is for it.
const host = "example.com"

// privateRegistry serves one image, team/app:v1, to whoever knows the password.
func privateRegistry(t *testing.T) *httptest.Server {
	t.Helper()
	blobs := map[string][]byte{}
	put := func(mediaType string, data []byte) ocispec.Descriptor {
		d := digest.FromBytes(data)
		blobs[d.String()] = data
		return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
	}
	manifest, err := json.Marshal(ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    put(ocispec.MediaTypeImageConfig, []byte(`{"architecture":"amd64","os":"linux"}`)),
		Layers:    []ocispec.Descriptor{put(ocispec.MediaTypeImageLayer, []byte("a layer"))},
	})
	must(t, err)
	blobs["v1"] = manifest
	put(ocispec.MediaTypeImageManifest, manifest)

	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "reader" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		data, ok := blobs[filepath.Base(r.URL.Path)]
		if !ok || !strings.HasPrefix(r.URL.Path, "/v2/team/app/") {
			http.NotFound(w, r)
			return
		}
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
			w.Header().Set("Docker-Content-Digest", digest.FromBytes(data).String())
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(data)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// spegelWithoutPeers answers as Spegel does for what no peer has.
func spegelWithoutPeers(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server
}

// fetch pulls the image as containerd does, with its resolver, its fetcher and its content store.
func fetch(t *testing.T, hostsDir, password string, dial func(ctx context.Context, network, address string) (net.Conn, error)) error {
	t.Helper()
	ctx := t.Context()
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: config.ConfigureHosts(ctx, config.HostOptions{
		HostDir:     config.HostDirFromRoot(hostsDir),
		Credentials: func(string) (string, string, error) { return "reader", password, nil },
		UpdateClient: func(c *http.Client) error {
			c.Transport.(*http.Transport).DialContext = dial
			return nil
		},
	})})
	name, desc, err := resolver.Resolve(ctx, host+"/team/app:v1")
	if err != nil {
		return err
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return err
	}
	store, err := local.NewStore(t.TempDir())
	must(t, err)
	return images.Dispatch(ctx, images.Handlers(remotes.FetchHandler(store, fetcher), images.ChildrenHandler(store)), nil, desc)
}

// TestIncident is the failure that this project exists for, and the way out of it, with containerd's own
// code on the side of the node: a private registry with a certificate of its own authority, a hosts file that says
// so, and a Spegel without a list that comes and puts _default in its place.
func TestIncident(t *testing.T) {
	t.Parallel()
	registry, spegel := privateRegistry(t), spegelWithoutPeers(t)
	mirror := spegel.Listener.Addr().String()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == host+":443" || address == "127.0.0.1:443" { // as the node's /etc/hosts has it
			address = registry.Listener.Addr().String()
		}
		return to(address)(ctx, network, address)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: registry.Certificate().Raw})
	const certs = "etc/containerd/certs.d/"
	root := content{
		certs + host + "/hosts.toml": "server = 'https://" + host + "'\nca = 'ca.crt'\n",
		certs + host + "/ca.crt":     string(ca),
		"etc/hosts":                  "127.0.0.1 " + host + "\n",
		ingest:                       "",

		"etc/ssl/certs/ca-certificates.crt": "",
	}.dir(t)
	hostsDir := filepath.Join(root, certs)
	o := options{
		Files: openRoot(t, root), Registries: registries(t, host), Image: host + "/team/app:v1", Dial: dial, Lookup: unknown,
	}

	if err := fetch(t, hostsDir, "secret", dial); err != nil {
		t.Fatalf("before Spegel came: %v", err)
	}
	healthy(t, examine(t, o))

	// what Spegel's configuration init container does without a list
	must(t, os.Mkdir(filepath.Join(hostsDir, "_backup"), 0o700))
	must(t, os.Rename(filepath.Join(hostsDir, host), filepath.Join(hostsDir, "_backup", host)))
	must(t, os.Mkdir(filepath.Join(hostsDir, "_default"), 0o700))
	must(t, os.WriteFile(filepath.Join(hostsDir, "_default/hosts.toml"),
		[]byte("[host.'http://"+mirror+"']\ncapabilities = ['pull', 'resolve']\ndial_timeout = '200ms'"), 0o600))

	if err := fetch(t, hostsDir, "secret", dial); !errdefs.IsNotFound(err) || !strings.HasSuffix(err.Error(), "not found") {
		t.Fatalf("with _default the pull ends with %v; want not found", err)
	}
	found := examine(t, o)
	want(t, found["mirror-config"], node.Fail, "_default/hosts.toml sends containerd to Spegel", "the private ones included")
	want(t, found["resolution"], node.Fail, "1. http://"+mirror+"/v2, which is Spegel", "2. https://"+host+"/v2",
		"Spegel's \"not found\" may hide why the registry can't be reached", "the way back may fail")
	want(t, found["reachability"], node.Fail, "signed by an authority that is not trusted")

	follow(t, root, found["mirror-config"].Fix)
	if err := fetch(t, hostsDir, "secret", dial); err != nil {
		t.Fatalf("after what doctor advises: %v", err)
	}
	healthy(t, examine(t, o))
}

// follow runs the commands that are for the node.
func follow(t *testing.T, root, advice string) {
	t.Helper()
	commands := 0
	for line := range strings.Lines(advice) {
		_, command, ok := strings.Cut(strings.TrimSpace(line), "on this node: ")
		if !ok {
			continue
		}
		commands++
		command = strings.ReplaceAll(command, " /etc/", " "+root+"/etc/")
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	if commands != 2 {
		t.Errorf("%d commands for the node; want 2:\n%s", commands, advice)
	}
}

// healthy wants no check to fail or warn.
func healthy(t *testing.T, results map[string]node.Result) {
	t.Helper()
	for _, id := range []string{"mirror-config", "resolution", "stale-ingests", "dns", "reachability"} {
		want(t, results[id], node.Pass)
	}
	want(t, results["resolution"], node.Pass, "direct: Spegel is not asked")
	want(t, results["reachability"], node.Pass, "https://"+host+"/v2/ answers 401: it asks for credentials", "the certificate is good until")
}

// TestNotFoundHides shows what containerd tells when Spegel has no image and the registry can't be reached either: the
// answer of Spegel. Refused credentials it tells as they are.
func TestNotFoundHides(t *testing.T) {
	t.Parallel()
	registry, spegel := privateRegistry(t), spegelWithoutPeers(t)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: registry.Certificate().Raw})
	refused := content{host + "/hosts.toml": "server = 'https://" + host + "'\nca = 'ca.crt'\n[host.'http://" + spegel.Listener.Addr().String() + "']\n", host + "/ca.crt": string(ca)}.dir(t)
	if err := fetch(t, refused, "wrong", func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == host+":443" {
			address = registry.Listener.Addr().String()
		}
		return to(address)(ctx, network, address)
	}); err == nil || !strings.Contains(err.Error(), "401 Unauthorized") {
		t.Errorf("refused credentials: %v", err)
	}
	for name, test := range map[string]struct {
		password string
		dial     error
		file     string // what stands in the hosts file beside the server
		without  string // what containerd says when Spegel is not in the way
	}{
		"a name without an address": {"secret", &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}, "ca = 'ca.crt'\n", "no such host"},
		"an authority not trusted":  {"secret", nil, "", "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dial := func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == host+":443" {
					if test.dial != nil {
						return nil, test.dial
					}
					address = registry.Listener.Addr().String()
				}
				return to(address)(ctx, network, address)
			}
			direct := "server = 'https://" + host + "'\n" + test.file
			hosts := func(file string) string {
				return content{host + "/hosts.toml": file, host + "/ca.crt": string(ca)}.dir(t)
			}
			if err := fetch(t, hosts(direct), test.password, dial); err == nil || !strings.Contains(err.Error(), test.without) {
				t.Errorf("without Spegel: %v; want %q", err, test.without)
			}
			through := direct + "[host.'http://" + spegel.Listener.Addr().String() + "']\ncapabilities = ['pull', 'resolve']\n"
			if err := fetch(t, hosts(through), test.password, dial); !errdefs.IsNotFound(err) || !strings.HasSuffix(err.Error(), "not found") {
				t.Errorf("through Spegel: %v; want not found", err)
			}
		})
	}
}
