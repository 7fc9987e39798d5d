package node

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"
)

// route is whom containerd would ask for images of a registry, in order.
type route struct {
	hosts  []hop
	folder string // the folder that says so; empty for none
	why    string // what says so in place of a folder
	lost   bool   // the folder's file can't be used, and containerd goes on as if it were not there
}

// unreadError says what could not be read, by doctor: containerd may well be able to.
type unreadError struct {
	text string
	file string // which one, or which folder; empty where that is not known
	left bool   // whether that was not handed over
}

// unreadFile is the error for one file or folder.
func unreadFile(name string, err error) *unreadError {
	return &unreadError{shownPath(name) + " " + reason(err), name, errors.Is(err, errNotGiven)}
}

// Error implements error.
func (e *unreadError) Error() string { return e.text }

// hop is one host of a route.
type hop struct {
	docker.RegistryHost
	spegel bool
	entry  string // of the hosts file, where two entries have the same URL: [host] or server
}

const (
	entryHost   = "[host]"
	entryServer = "server"
)

// url is where the host is asked, joined as containerd does.
func (h hop) url() string { return h.Scheme + "://" + h.Host + path.Join("/", h.Path) }

// route asks containerd's own resolver.
func (x *exam) route(ctx context.Context, host string) (*route, error) {
	h := x.hostsDirectories(ctx)
	if len(h.mirrors) > 0 {
		return x.mirrorsRoute(ctx, h, host)
	}
	if h.any {
		return nil, &unreadError{text: "it reads one of " + orNothing(h.paths()) + ", and " + errWhich.Error()}
	}
	dirs, unread := h.readable()
	s, err := newStage(ctx, x.Files, dirs, host)
	if why := (*unreadError)(nil); errors.As(err, &why) {
		return nil, why
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return nil, unreadFile(failed.Path, err)
	}
	if err != nil {
		return nil, err
	}
	defer s.remove()
	if unread != nil && s.folder == "" { // else a directory before it decides
		return nil, unreadFile(unread.path, unread.err)
	}
	hosts, err := x.resolver(ctx, config.HostDirFromRoot(s.dir))(host)
	if err != nil && s.unread != nil {
		return nil, s.unread
	}
	if err != nil {
		return nil, errors.New(s.onNode(err))
	}
	r := &route{folder: s.folder}
	var file hostsFile
	if r.folder != "" {
		file, err = x.mirrorFile(ctx, r.folder)
		r.lost = errors.As(err, new(*syntaxError))
	}
	known := x.signs(ctx)
	for _, asked := range hosts {
		r.hosts = append(r.hosts, hop{RegistryHost: asked, spegel: known.isSpegelHost(asked, &file, host)})
	}
	for i := range r.hosts { // the last one is that of server, or the registry for want of one
		if last := &r.hosts[len(r.hosts)-1]; &r.hosts[i] != last && r.hosts[i].url() == last.url() {
			r.hosts[i].entry, last.entry = entryHost, entryServer
		}
	}
	return r, nil
}

// resolver is containerd's, without credentials, and quiet: what is wrong with a file is told by a check.
func (x *exam) resolver(ctx context.Context, dir func(string) (string, error)) docker.RegistryHosts {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	table, _ := x.etcHosts(ctx) // not while the registry's time runs: through talosctl it takes a while
	var transports []*http.Transport
	resolve := config.ConfigureHosts(log.WithLogger(ctx, logrus.NewEntry(quiet)), config.HostOptions{
		HostDir: dir,
		UpdateClient: func(c *http.Client) error {
			if t, ok := c.Transport.(*http.Transport); ok {
				transports = append(transports, t)
				t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					return x.dial(ctx, table, network, address)
				}
			}
			return nil
		},
	})
	return func(host string) ([]docker.RegistryHost, error) {
		transports = nil
		hosts, err := resolve(host)
		for _, t := range transports { // not before: containerd adds a host's ca to a copy that shares them
			x.trusted.trust(t.TLSClientConfig)
		}
		return hosts, err
	}
}

// dial connects to where the node would: its /etc/hosts goes before the resolver.
func (x *exam) dial(ctx context.Context, table map[string][]string, network, address string) (net.Conn, error) {
	dial := x.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: reachTimeout / 3}).DialContext // so that a second address gets its turn
	}
	addresses := []string{address}
	if host, port, err := net.SplitHostPort(address); err == nil {
		if known := table[strings.ToLower(host)]; len(known) > 0 {
			addresses = nil
			for _, ip := range known {
				addresses = append(addresses, net.JoinHostPort(ip, port))
			}
		}
	}
	var failed error
	for _, address := range addresses {
		conn, err := dial(ctx, network, address)
		if err == nil {
			return conn, nil
		}
		failed = cmp.Or(failed, err)
	}
	return nil, failed
}
