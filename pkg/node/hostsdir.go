package node

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// hostsDir is the directory in which containerd looks up what to do for a registry.
type hostsDir struct {
	path    string
	from    string   // who says so
	reads   []string // the directories that containerd is told to read; nil where its configuration does not say
	entries []Entry
	err     error // why entries could not be read
}

// knownHostsDirs are where it usually is: on Talos, elsewhere, and with k3s and RKE2.
func knownHostsDirs() []string {
	return []string{
		"/etc/cri/conf.d/hosts",
		"/etc/containerd/certs.d",
		"/var/lib/rancher/k3s/agent/etc/containerd/certs.d",
		"/var/lib/rancher/rke2/agent/etc/containerd/certs.d",
	}
}

// containerdConfigs are where containerd's own configuration usually is. Talos writes what it has merged
// to the first one.
func containerdConfigs() []string {
	return []string{
		"/etc/cri/conf.d/cri.toml",
		"/etc/containerd/config.toml",
		"/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
		"/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
	}
}

// hostsDirectory finds the directory, once: where Spegel writes, where containerd says that it reads, or
// where it usually is.
func (x *exam) hostsDirectory(ctx context.Context) *hostsDir {
	if x.hosts != nil {
		return x.hosts
	}
	h := &hostsDir{err: fs.ErrNotExist}
	defer func() {
		if !errors.Is(h.err, context.DeadlineExceeded) { // the time of one check is no answer for the next
			x.hosts = h
		}
	}()
	var config string
	h.reads, config = x.configPath(ctx)
	if h.reads != nil && len(h.reads) == 0 {
		h.from = "config_path is empty in " + config
		return h
	}
	var candidates []string
	switch spegel, err := x.spegel(ctx); {
	case err == nil && spegel.HostsDir != "":
		h.from, candidates = "as Spegel is told", []string{spegel.HostsDir}
	case len(h.reads) > 0:
		h.from, candidates = "as "+config+" says", h.reads
	default:
		h.from, candidates = "where it usually is", knownHostsDirs()
	}
	for _, dir := range candidates {
		if !path.IsAbs(dir) {
			continue
		}
		h.path = path.Clean(dir)
		if h.entries, h.err = x.Files.ReadDir(ctx, h.path); !errors.Is(h.err, fs.ErrNotExist) {
			return h
		}
	}
	return h
}

// configPath is the config_path of containerd's configuration, and the file that has it. It is nil where no file
// says anything, and empty where one says that there is none.
func (x *exam) configPath(ctx context.Context) (dirs []string, file string) {
	for _, file := range containerdConfigs() {
		data, err := x.Files.ReadFile(ctx, file, maxFile)
		if err != nil {
			continue
		}
		var c map[string]any // a mistake elsewhere in the file must not hide this
		if toml.Unmarshal(data, &c) != nil {
			continue // containerd would not run with it
		}
		// of version 3 and 2 of the file, and of version 1
		for _, plugin := range []string{"io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri", "cri"} {
			plugins, _ := c["plugins"].(map[string]any)
			settings, _ := plugins[plugin].(map[string]any)
			registry, _ := settings["registry"].(map[string]any)
			if p, ok := registry["config_path"].(string); ok {
				return slices.DeleteFunc(strings.Split(p, ":"), func(s string) bool { return s == "" }), file
			}
		}
	}
	return nil, ""
}

// mirrorFile reads the hosts.toml of one directory.
func (x *exam) mirrorFile(ctx context.Context, dir string) (hostsFile, error) {
	data, err := x.Files.ReadFile(ctx, path.Join(dir, hostsToml), maxFile)
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
