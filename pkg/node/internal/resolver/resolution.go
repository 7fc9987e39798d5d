package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"

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
	Mirror containerd.Mirror // what the hosts file says of it
}

// URL is where the host is asked, joined as containerd does.
func (h Host) URL() string { return h.Scheme + "://" + h.Host + path.Join("/", h.Path) }

// Resolve asks containerd's own resolver. A nodefs.UnreadError says that whom containerd asks is not known; any other error,
// that containerd does not know.
func (r *Resolver) Resolve(ctx context.Context, h *containerd.HostsDirs, host string) (*Resolution, error) {
	if len(h.Mirrored) > 0 {
		return nil, nodefs.Unread("", errors.New("registry.mirrors of "+h.From+" says so, which is not followed"))
	}
	dirs, unread := h.Readable()
	out, err := r.folder(ctx, containerd.Folders(dirs, host))
	if err != nil {
		return nil, err
	}
	if unread != nil && out.Folder == "" { // else a directory before it decides
		return nil, nodefs.Unread(unread.Path, unread.Err)
	}
	hosts, err := r.hosts(ctx, out, host)
	if err != nil {
		return nil, err
	}
	for i, m := range out.File.InOrder() {
		out.Hosts = append(out.Hosts, Host{RegistryHost: hosts[i], Mirror: m})
	}
	return out, nil
}

// folder reads the first of the folders that there is, as containerd's CRI service takes it: its hosts.toml, or else the certificates
// that lie in it.
func (r *Resolver) folder(ctx context.Context, folders []string) (*Resolution, error) {
	out := &Resolution{}
	for _, folder := range folders {
		entries, err := r.Node.Files.ReadDir(ctx, folder)
		switch {
		case nodefs.IsMissing(err): // a link that leads nowhere
			continue
		case errors.Is(err, nodefs.ErrNotFolder):
			return nil, fmt.Errorf("%s %w, where containerd looks for a %s", redact.Path(folder), nodefs.ErrNotFolder, nodefs.HostsToml)
		case err != nil:
			return nil, nodefs.Unread(folder, err)
		}
		out.Folder = folder
		out.File, err = r.Node.HostsFile(ctx, folder)
		out.Lost = errors.As(err, new(*containerd.SyntaxError))
		if err == nil {
			return out, nil
		}
		if !out.Lost && !nodefs.IsMissing(err) {
			return nil, nodefs.Unread(path.Join(folder, nodefs.HostsToml), err)
		}
		out.File = containerd.HostsFile{}
		for _, e := range entries {
			if path.Ext(e.Name) == ".crt" && !e.Type.IsDir() {
				out.File.Server.CA = append(out.File.Server.CA, e.Name)
			}
		}
		return out, nil
	}
	return out, nil
}

// Defaults are the hosts that containerd asks for a registry where nothing is configured for it.
func (r *Resolver) Defaults(ctx context.Context, host string) ([]Host, error) {
	hosts, err := r.hosts(ctx, &Resolution{}, host)
	out := make([]Host, 0, len(hosts))
	for _, h := range hosts {
		out = append(out, Host{RegistryHost: h})
	}
	return out, err
}

// hosts are those that containerd's resolver makes of a folder, without credentials, and quiet: what is wrong with a file is told by a
// check. It reads files of this machine, so it is given a copy of the hosts.toml that leads to none, and the certificates are put in here.
func (r *Resolver) hosts(ctx context.Context, of *Resolution, host string) ([]docker.RegistryHost, error) {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	table, _ := r.EtcHosts(ctx) // not while the registry's time runs: through talosctl it takes a while
	transports := map[*http.Client]*http.Transport{}
	options := config.HostOptions{UpdateClient: func(c *http.Client) error {
		if t, ok := c.Transport.(*http.Transport); ok {
			transports[c] = t
			t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				return r.dial(ctx, table, network, address)
			}
		}
		return nil
	}}
	if of.Folder != "" {
		dir, err := os.MkdirTemp("", "spegel-guard-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.WriteFile(filepath.Join(dir, nodefs.HostsToml), of.File.Bare(), 0o600); err != nil {
			return nil, err
		}
		options.HostDir = func(string) (string, error) { return dir, nil }
	}
	hosts, err := config.ConfigureHosts(log.WithLogger(ctx, logrus.NewEntry(quiet)), options)(host)
	if err != nil {
		return nil, err
	}
	for i, m := range of.File.InOrder() {
		if err := r.certificates(ctx, of.Folder, m, transports[hosts[i].Client].TLSClientConfig); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}
