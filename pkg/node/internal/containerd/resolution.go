package containerd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// Resolution is whom containerd would ask for images of a registry, in order.
type Resolution struct {
	Hosts  []Host
	Folder string         // the folder that says so; empty for none
	File   hostsfile.File // what it says
	Lost   bool           // the folder's file can't be used, and containerd goes on as if it were not there
}

// Host is one host of a resolution.
type Host struct {
	docker.RegistryHost
	Mirror hostsfile.Mirror // what the hosts file says of it
}

// URL is where the host is asked, joined as containerd does.
func (h Host) URL() string { return h.Scheme + "://" + h.Host + path.Join("/", h.Path) }

// Resolve asks containerd's own resolver. A nodefs.UnreadError says that whom containerd asks is not known; any other error,
// that containerd does not know. No directories are those of a node where nothing is configured.
func (n *Node) Resolve(ctx context.Context, h *HostsDirs, host string) (*Resolution, error) {
	if len(h.Mirrored) > 0 {
		return nil, nodefs.Unread("", errors.New("registry.mirrors of "+h.From+" says so, which is not followed"))
	}
	for _, d := range h.Dirs {
		if d.Err != nil && !nodefs.IsMissing(d.Err) {
			return nil, nodefs.Unread(d.Path, d.Err)
		}
		for _, folder := range d.folders(host) {
			r, err := n.open(ctx, folder)
			if nodefs.IsMissing(err) { // a link that leads nowhere
				continue
			}
			if err == nil {
				err = n.ask(ctx, r, host)
			}
			return r, err
		}
	}
	r := &Resolution{}
	return r, n.ask(ctx, r, host)
}

// open reads a folder as containerd's CRI service takes it: its hosts.toml, or else the certificates that lie in it.
func (n *Node) open(ctx context.Context, folder string) (*Resolution, error) {
	entries, err := n.Files.ReadDir(ctx, folder)
	switch {
	case errors.Is(err, nodefs.ErrNotFolder):
		return nil, fmt.Errorf("%s %w, where containerd looks for a %s", redact.Path(folder), nodefs.ErrNotFolder, nodefs.HostsToml)
	case err != nil:
		return nil, nodefs.Unread(folder, err)
	}
	r := &Resolution{Folder: folder}
	file, err := n.HostsFile(ctx, folder)
	r.Lost = errors.As(err, new(*hostsfile.SyntaxError))
	switch {
	case err == nil:
		r.File = file
		return r, nil
	case !r.Lost && !nodefs.IsMissing(err):
		return nil, nodefs.Unread(path.Join(folder, nodefs.HostsToml), err)
	}
	for _, e := range entries {
		if path.Ext(e.Name) == ".crt" && !e.Type.IsDir() {
			r.File.Server.CA = append(r.File.Server.CA, e.Name)
		}
	}
	return r, nil
}

// ask fills in the hosts that containerd's resolver makes of a folder, without credentials, and quiet: what is wrong with a file is told
// by a check. It reads files of this machine, so it is given a copy of the hosts.toml that leads to no others and holds nothing that may
// be a secret, and the certificates are put in here.
func (n *Node) ask(ctx context.Context, r *Resolution, host string) error {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	table, _ := n.EtcHosts(ctx) // not while the registry's time runs: through talosctl it takes a while
	transports := map[*http.Client]*http.Transport{}
	options := config.HostOptions{UpdateClient: func(c *http.Client) error {
		if t, ok := c.Transport.(*http.Transport); ok {
			transports[c] = t
			t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				return n.dial(ctx, table, network, address)
			}
		}
		return nil
	}}
	if r.Folder != "" {
		dir, err := os.MkdirTemp("", "spegel-guard-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.WriteFile(filepath.Join(dir, nodefs.HostsToml), r.File.Bare(), 0o600); err != nil {
			return err
		}
		options.HostDir = func(string) (string, error) { return dir, nil }
	}
	hosts, err := config.ConfigureHosts(log.WithLogger(ctx, logrus.NewEntry(quiet)), options)(host)
	if err != nil {
		return err
	}
	for i, m := range r.File.InOrder() {
		if err := n.certificates(ctx, r.Folder, m, transports[hosts[i].Client].TLSClientConfig); err != nil {
			return err
		}
		r.Hosts = append(r.Hosts, Host{hosts[i], m})
	}
	return nil
}

// certificates has a client trust what the node trusts and what a hosts file names for its host. Of the files of a client's
// certificate it is only seen whether they are there: keys are not used.
func (n *Node) certificates(ctx context.Context, folder string, m hostsfile.Mirror, c *tls.Config) error {
	if n.trusted == nil && len(m.CA)+len(m.Client) == 0 {
		return nil
	}
	if c.RootCAs == nil {
		pool, err := n.trusted.pool()
		if err != nil {
			return err
		}
		c.RootCAs = pool
	}
	for i, name := range slices.Concat(m.CA, m.Client) {
		what := "CA cert"
		if i >= len(m.CA) {
			what = "CERT file"
		}
		if !path.IsAbs(name) {
			name = path.Join(folder, name)
		}
		data, err := n.Files.ReadFile(ctx, name, nodefs.MaxFile)
		switch {
		case nodefs.IsMissing(err):
			return fmt.Errorf("unable to read %s %q, which does not exist", what, redact.Path(name))
		case err != nil:
			return nodefs.Unread(name, err)
		case i < len(m.CA) && !c.RootCAs.AppendCertsFromPEM(data):
			return fmt.Errorf("unable to load %s %q", what, redact.Path(name))
		}
	}
	return nil
}
