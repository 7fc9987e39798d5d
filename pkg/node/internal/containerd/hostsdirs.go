package containerd

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/distribution"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// HostsDirs are the directories in which containerd looks up what to do for a registry, in its order: the first one
// that has a folder for the registry, or a _default, decides.
type HostsDirs struct {
	Dirs     []*HostsDir
	From     string   // who says so
	Mirrored []string // the registries of registry.mirrors, where containerd reads no directory
	TLS      []string // the registries with a tls in registry.configs beside config_path
	List     bool     // they are a list, be it of one, which not every way to pull takes for one
	Guess    bool     // nobody does: it is where they usually are
	Unread   []string // what of its configuration could not be read
	Unsure   []string // why it is not certain that it reads what is in them
	Refused  bool     // it has config_path and registry.mirrors: containerd then pulls nothing for Kubernetes
}

// HostsDir is one of them.
type HostsDir struct {
	Path    string
	Entries []nodefs.Entry
	Err     error // why entries could not be read
}

// There are the directories that exist and can be read.
func (h *HostsDirs) There() []*HostsDir {
	return slices.DeleteFunc(slices.Clone(h.Dirs), func(d *HostsDir) bool { return d.Err != nil })
}

// Paths lists them.
func (h *HostsDirs) Paths() []string {
	var out []string
	for _, d := range h.Dirs {
		out = append(out, d.Path)
	}
	return out
}

// Folder is the one that decides for a host, as an image names it; empty for none. A _default in one directory comes before the
// host's own folder in the next.
func (h *HostsDirs) Folder(host string) string {
	for _, d := range h.Dirs {
		for _, folder := range d.folders(host) {
			return folder
		}
	}
	return ""
}

// folders are those that there are for a host, in containerd's order.
func (d *HostsDir) folders(host string) (out []string) {
	for _, name := range hostsfile.Folders(host) {
		if Has(d.Entries, name) {
			out = append(out, path.Join(d.Path, name))
		}
	}
	return out
}

// defaultHostsDirs are what containerd 2.2 and newer take where its configuration names none.
func defaultHostsDirs() []string { return []string{"/etc/containerd/certs.d", "/etc/docker/certs.d"} }

// HostsDirs finds the directories, once. Written is the one that Spegel is told to write; empty for none.
func (n *Node) HostsDirs(ctx context.Context, written string) *HostsDirs {
	switch {
	case n.Files == nil:
		return &HostsDirs{}
	case n.dirs != nil:
		return n.dirs
	}
	h := n.findHostsDirs(ctx, written)
	late := func(d *HostsDir) bool { return errors.Is(d.Err, context.DeadlineExceeded) }
	if !slices.ContainsFunc(h.Dirs, late) { // the time of one check is no answer for the next
		n.dirs = h
	}
	return h
}

// findHostsDirs asks containerd's configuration, or else what Spegel is told, or else looks where they usually are.
func (n *Node) findHostsDirs(ctx context.Context, written string) *HostsDirs {
	config := n.Config(ctx)
	told, list := config.configPath()
	mirrored := config.mirrored()
	h := &HostsDirs{Unread: config.Unread, Refused: len(told) > 0 && len(mirrored) > 0}
	// A Spegel that runs is a sign that containerd reads what it writes, or else it exits.
	byDefault := config.PathFrom != "" || config.Version >= 3 || config.Main != "" && len(config.Unread) == 0 && written == ""
	switch {
	case len(told) > 0:
		h.From = "as " + redact.Path(config.PathFrom) + " says"
		h.Dirs, h.List, h.TLS = n.readHostsDirs(ctx, told), list, config.withTLS()
	case len(mirrored) > 0:
		h.From, h.Mirrored = redact.Path(config.Main), mirrored
	case byDefault:
		h.From = "containerd's default, as " + redact.Path(config.Main) + " names no config_path"
		h.Dirs, h.List = n.readHostsDirs(ctx, defaultHostsDirs()), true
		if slices.ContainsFunc(h.Dirs, func(d *HostsDir) bool { return len(d.Entries) > 0 }) {
			h.Unsure = append(h.Unsure, "config_path is not set, and its default is read: that is so since containerd 2.2; without a config_path an older one reads no hosts directory at all")
		}
	case written != "":
		h.From = "as Spegel is told"
		h.Dirs = n.readHostsDirs(ctx, []string{written})
	default:
		h.From, h.Guess = "where it usually is", true
		h.Dirs = []*HostsDir{n.guessHostsDir(ctx, config)}
	}
	return h
}

// guessHostsDir takes the first place that is there, or else the last. Without a configuration, that this one is missing says nothing
// where others may be there.
func (n *Node) guessHostsDir(ctx context.Context, config *Config) *HostsDir {
	dirs := n.readHostsDirs(ctx, distribution.HostsDirs())
	last := *dirs[len(dirs)-1]
	for _, d := range dirs {
		switch {
		case !errors.Is(d.Err, fs.ErrNotExist):
			return d
		case config.Main == "" && errors.Is(d.Err, nodefs.ErrNotGiven):
			last.Err = d.Err
		}
	}
	return &last
}

func (n *Node) readHostsDirs(ctx context.Context, paths []string) []*HostsDir {
	var out []*HostsDir
	for _, p := range paths {
		d := &HostsDir{Path: path.Clean(p), Err: nodefs.ErrRelative}
		if path.IsAbs(p) {
			d.Entries, d.Err = n.Files.ReadDir(ctx, d.Path)
		}
		out = append(out, d)
	}
	return out
}

// HostsFile reads the hosts.toml of one directory. An empty one is to containerd as if it were not there.
func (n *Node) HostsFile(ctx context.Context, dir string) (hostsfile.File, error) {
	data, err := n.Files.ReadFile(ctx, path.Join(dir, nodefs.HostsToml), maxTOML)
	if err == nil && len(data) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return hostsfile.File{}, err
	}
	return hostsfile.Parse(data)
}

// Has reports whether a folder has an entry of that name.
func Has(entries []nodefs.Entry, name string) bool {
	return slices.ContainsFunc(entries, func(e nodefs.Entry) bool { return e.Name == name })
}
