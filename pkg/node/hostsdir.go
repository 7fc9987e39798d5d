package node

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// hostsDirs are the directories in which containerd looks up what to do for a registry, in its order: the first one
// that has a folder for the registry, or a _default, decides.
type hostsDirs struct {
	dirs    []*hostsDir
	from    string              // who says so
	mirrors map[string][]string // of registry.mirrors, where containerd reads no directory
	any     bool                // containerd reads one of them, and it is not known which
	guess   bool                // nobody does: it is where they usually are
	aside   []*hostsDir         // where Spegel is told to write, if containerd is told to read elsewhere
	unsure  string              // why it is not certain that containerd reads them
	unread  []string            // what of its configuration could not be read
	notes   []string            // what else it shows
}

// hostsDir is one of them.
type hostsDir struct {
	path    string
	entries []Entry
	err     error // why entries could not be read
}

// there are the directories that exist and can be read.
func (h *hostsDirs) there() []*hostsDir {
	return slices.DeleteFunc(slices.Clone(h.dirs), func(d *hostsDir) bool { return d.err != nil })
}

// readable are the directories up to the first one that is there, or may be, and can't be read.
func (h *hostsDirs) readable() (dirs []*hostsDir, unread *hostsDir) {
	for i, d := range h.dirs {
		if d.err != nil && !isMissing(d.err) {
			return h.dirs[:i], d
		}
	}
	return h.dirs, nil
}

func (h *hostsDirs) paths() []string {
	var out []string
	for _, d := range h.dirs {
		out = append(out, d.path)
	}
	return out
}

// defaultHostsDirs are what containerd 2.2 takes where its configuration names none.
func defaultHostsDirs() []string { return []string{"/etc/containerd/certs.d", "/etc/docker/certs.d"} }

// hostsDirectories finds the directories, once.
func (x *exam) hostsDirectories(ctx context.Context) *hostsDirs {
	if x.hosts != nil {
		return x.hosts
	}
	h := x.findHostsDirs(ctx)
	late := func(d *hostsDir) bool { return errors.Is(d.err, context.DeadlineExceeded) }
	if !slices.ContainsFunc(h.dirs, late) { // the time of one check is no answer for the next
		x.hosts = h
	}
	return h
}

// findHostsDirs asks containerd's configuration, or else what Spegel is told, or else looks where they usually are.
func (x *exam) findHostsDirs(ctx context.Context) *hostsDirs {
	config := x.containerdConfig(ctx)
	told, set := config.configPath()
	h := &hostsDirs{unread: config.unread}
	if config.misplaced() {
		h.notes = append(h.notes, shownPath(config.main)+" is of version 3 and has a config_path under "+criPlugin+", where containerd does not look for it; its place is "+imagesPlugin)
	}
	mirrors := config.mirrors()
	if len(told) > 0 && len(mirrors) > 0 {
		h.notes = append(h.notes, shownPath(config.main)+" has registry.mirrors and config_path, which containerd refuses: it then pulls no image for Kubernetes")
	}
	writes := x.mayWrite(ctx)
	// A Spegel that runs is a sign that containerd reads what it writes, or else it exits.
	byDefault := set || config.version >= 3 || config.main != "" && len(config.unread) == 0 && len(writes) == 0
	switch {
	case len(told) > 0:
		h.from = "as " + shownPath(config.pathFrom) + " says"
		h.dirs = x.readHostsDirs(ctx, told)
	case len(mirrors) > 0:
		h.from, h.mirrors = shownPath(config.main), mirrors
	case byDefault:
		h.from = "containerd's default, as " + shownPath(config.main) + " names no config_path"
		h.unsure = "that is so since containerd 2.2; without a config_path an older one reads no hosts directory at all"
		h.dirs = x.readHostsDirs(ctx, defaultHostsDirs())
	case len(writes) > 0:
		h.from, h.any = "as Spegel is told", len(writes) > 1
		h.dirs = x.readHostsDirs(ctx, writes)
	default:
		h.from, h.guess = "where it usually is", true
		d := x.guessHostsDir(ctx, config)
		h.dirs = []*hostsDir{d}
		h.unread = append(h.unread, x.notBeside(ctx, d, config)...)
	}
	if !slices.ContainsFunc(writes, func(dir string) bool { return slices.Contains(h.paths(), dir) }) {
		h.aside = x.readHostsDirs(ctx, writes)
	}
	return h
}

// guessHostsDir takes the first place that is there, or else the last. That it is missing says nothing where others may be
// there on the node, and nothing tells which containerd it runs.
func (x *exam) guessHostsDir(ctx context.Context, config *containerdConfig) *hostsDir {
	dirs := x.readHostsDirs(ctx, knownHostsDirs())
	if at := slices.IndexFunc(dirs, func(d *hostsDir) bool { return !errors.Is(d.err, fs.ErrNotExist) }); at >= 0 {
		return dirs[at]
	}
	last := dirs[len(dirs)-1]
	if config.main == "" && isMissing(last.err) && slices.ContainsFunc(dirs, func(d *hostsDir) bool { return errors.Is(d.err, errNotGiven) }) {
		last.err = errElsewhere
	}
	return last
}

// notBeside tells that the configuration whose place is beside a directory that is there was not handed over.
func (x *exam) notBeside(ctx context.Context, d *hostsDir, config *containerdConfig) (unread []string) {
	for _, name := range containerdConfigs() {
		if d.err != nil || path.Dir(name) != path.Dir(d.path) || name == config.main {
			continue
		}
		if _, err := readTOML(ctx, x.Files, name); errors.Is(err, errNotGiven) {
			unread = append(unread, name+", containerd's configuration, "+reason(err)+", so another config_path is not known")
		}
	}
	return unread
}

func (x *exam) readHostsDirs(ctx context.Context, paths []string) []*hostsDir {
	var out []*hostsDir
	for _, p := range paths {
		d := &hostsDir{path: path.Clean(p), err: errRelative}
		if path.IsAbs(p) {
			d.entries, d.err = x.Files.ReadDir(ctx, d.path)
		}
		out = append(out, d)
	}
	return out
}

// mirrorFile reads the hosts.toml of one directory.
func (x *exam) mirrorFile(ctx context.Context, dir string) (hostsFile, error) {
	data, err := readTOML(ctx, x.Files, path.Join(dir, hostsToml))
	if err != nil {
		return hostsFile{}, err
	}
	f, err := parseHosts(data)
	if err != nil {
		return f, &syntaxError{err}
	}
	return f, nil
}

// syntaxError says that a file was read and makes no sense.
type syntaxError struct{ error }

// registryOf is the registry that a directory is for, as an image names it. containerd takes host_port_ for
// host:port.
func registryOf(dir string) string {
	if host, ok := strings.CutSuffix(dir, "_"); ok {
		if i := strings.LastIndex(host, "_"); i > 0 && isNumber(host[i+1:]) {
			return host[:i] + ":" + host[i+1:]
		}
	}
	return dir
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
