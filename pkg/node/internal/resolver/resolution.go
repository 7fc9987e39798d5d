package resolver

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// Resolver is containerd's own on one node. What it reads of the node it reads once.
type Resolver struct {
	Node *containerd.Node
	// Dial connects to a registry; nil is the network of this machine.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	table   map[string][]string // addresses by name in the node's /etc/hosts
	trusted *TrustStore         // once ReadTrustStore was called
}

// Resolution is whom containerd would ask for images of a registry, in order.
type Resolution struct {
	Hosts  []Host
	Folder string               // the folder that says so; empty for none
	File   containerd.HostsFile // what it says
	Lost   bool                 // the folder's file can't be used, and containerd goes on as if it were not there
}

// Host is one host of a resolution.
type Host struct {
	docker.RegistryHost
	Entry string // of the hosts file, where two entries have the same URL: EntryHost or EntryServer
}

// Entries of a hosts file.
const (
	EntryHost   = "[host]"
	EntryServer = "server"
)

// URL is where the host is asked, joined as containerd does.
func (h Host) URL() string { return h.Scheme + "://" + h.Host + path.Join("/", h.Path) }

// UnreadError says what could not be read, by doctor: containerd may well be able to.
type UnreadError struct {
	Text     string
	File     string // which one, or which folder; empty where that is not known
	NotGiven bool   // whether that was not handed over
}

// Unread is the error for one file or folder.
func Unread(name string, err error) *UnreadError {
	return &UnreadError{redact.Path(name) + " " + nodefs.Reason(err), name, errors.Is(err, nodefs.ErrNotGiven)}
}

// Error implements error.
func (e *UnreadError) Error() string { return e.Text }

// Resolve asks containerd's own resolver. An UnreadError says that whom containerd asks is not known; any other error, that
// containerd does not know.
func (r *Resolver) Resolve(ctx context.Context, h *containerd.HostsDirs, host string) (*Resolution, error) {
	if len(h.Mirrored) > 0 {
		return nil, &UnreadError{Text: "registry.mirrors of " + h.From + " says so, which is not followed"}
	}
	dirs, unread := h.Readable()
	c, err := newCopy(ctx, r.Node.Files, dirs, host)
	if why := (*UnreadError)(nil); errors.As(err, &why) {
		return nil, why
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return nil, Unread(failed.Path, err)
	}
	if err != nil {
		return nil, err
	}
	defer c.remove()
	if unread != nil && c.folder == "" { // else a directory before it decides
		return nil, Unread(unread.Path, unread.Err)
	}
	hosts, err := r.hosts(ctx, config.HostDirFromRoot(c.dir))(host)
	if err != nil && c.unread != nil {
		return nil, c.unread
	}
	if err != nil {
		return nil, errors.New(c.onNode(err))
	}
	out := &Resolution{Folder: c.folder}
	if out.Folder != "" {
		out.File, err = r.Node.HostsFile(ctx, out.Folder)
		out.Lost = errors.As(err, new(*containerd.SyntaxError))
	}
	for _, asked := range hosts {
		out.Hosts = append(out.Hosts, Host{RegistryHost: asked})
	}
	for i := range out.Hosts { // the last one is that of server, or the registry for want of one
		if last := &out.Hosts[len(out.Hosts)-1]; &out.Hosts[i] != last && out.Hosts[i].URL() == last.URL() {
			out.Hosts[i].Entry, last.Entry = EntryHost, EntryServer
		}
	}
	return out, nil
}

// Defaults are the hosts that containerd asks for a registry where nothing is configured for it.
func (r *Resolver) Defaults(ctx context.Context, host string) ([]Host, error) {
	hosts, err := r.hosts(ctx, nil)(host)
	out := make([]Host, 0, len(hosts))
	for _, h := range hosts {
		out = append(out, Host{RegistryHost: h})
	}
	return out, err
}

// resolver is containerd's, without credentials, and quiet: what is wrong with a file is told by a check.
func (r *Resolver) hosts(ctx context.Context, dir func(string) (string, error)) docker.RegistryHosts {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	table, _ := r.EtcHosts(ctx) // not while the registry's time runs: through talosctl it takes a while
	var transports []*http.Transport
	resolve := config.ConfigureHosts(log.WithLogger(ctx, logrus.NewEntry(quiet)), config.HostOptions{
		HostDir: dir,
		UpdateClient: func(c *http.Client) error {
			if t, ok := c.Transport.(*http.Transport); ok {
				transports = append(transports, t)
				t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					return r.dial(ctx, table, network, address)
				}
			}
			return nil
		},
	})
	return func(host string) ([]docker.RegistryHost, error) {
		transports = nil
		hosts, err := resolve(host)
		for _, t := range transports { // not before: containerd adds a host's ca to a copy that shares them
			r.trusted.trust(t.TLSClientConfig)
		}
		return hosts, err
	}
}
