package containerd

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"net"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/distribution"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

const (
	// maxImports bounds the files of one configuration; through talosctl each is a call.
	maxImports = 100
	// maxTOML is how many bytes a file may have: the parser takes four times as long for twice as many tables. It bounds by itself
	// how deep values are nested.
	maxTOML = 64 << 10
)

// The plugins that hold the settings of registries, since version 3 of the file and in version 2; version 1 calls the second one cri.
const (
	ImagesPlugin = "io.containerd.cri.v1.images"
	criPlugin    = "io.containerd.grpc.v1.cri"
)

// Node is containerd on one node. What it reads of the node it reads once.
type Node struct {
	Files nodefs.Files // nil where no node is looked at
	// Dial connects to a registry; nil is the network of this machine.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	config  *Config
	dirs    *HostsDirs
	table   map[string][]string // addresses by name in the node's /etc/hosts
	trusted *TrustStore         // once ReadTrustStore was called
}

// Config is what containerd makes of its configuration and of the files that it imports, as far as it matters here.
type Config struct {
	Main     string   // the file to begin with; empty where none can be read
	Version  int      // the highest of its files
	Root     string   // of the content store; empty where no file says
	PathFrom string   // the last file that sets config_path
	Unread   []string // what could not be read of it, or can't be used

	images   map[string]any // the settings of ImagesPlugin
	disabled string         // the last file that turns the plugin off that pulls images for Kubernetes
}

// Config reads the first configuration that there is, once. One for a containerd that does not serve Kubernetes
// is taken only if there is no other.
func (n *Node) Config(ctx context.Context) *Config {
	if n.config != nil {
		return n.config
	}
	c, left := &Config{}, false
	for _, main := range distribution.ConfigFiles() {
		found, err := n.loadConfig(ctx, main)
		if err == nil && (c.Main == "" || found.disabled == "") {
			c = found
		}
		if c.Main != "" && c.disabled == "" {
			break
		}
		left = left || err != nil && !nodefs.IsMissing(err)
	}
	if c.Main == "" && !left { // a containerd may run by its defaults, with nothing but its folder
		_, err := n.Files.ReadDir(ctx, path.Dir(defaultHostsDirs()[0]))
		left = err == nil
	}
	if c.Main == "" && left {
		c.Unread = append(c.Unread, "containerd's configuration is not part of what could be read, so a config_path is not known: "+
			"without one, containerd 2.2 and newer take a list of two directories, which their transfer service does not read, and older ones read none")
	}
	if c.disabled != "" {
		c.Unread = append(c.Unread, redact.Path(c.disabled)+" turns off the plugin that pulls images for Kubernetes: another containerd does that, and its configuration was not found")
	}
	if ctx.Err() == nil { // the time of one check is no answer for the next
		n.config = c
	}
	return c
}

// loadConfig follows imports as containerd 2 does: one file after the other, those that a file imports after those
// that wait already, each once, and a later one overrides. The error is that the first file is not there.
func (n *Node) loadConfig(ctx context.Context, main string) (*Config, error) {
	c := &Config{Main: main, Version: 1, images: map[string]any{}}
	loaded := map[string]bool{}
	for todo := []string{main}; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if loaded[name] {
			continue
		}
		loaded[name] = true
		imports, err := n.addConfig(ctx, c, name)
		which := ", which containerd's configuration imports, "
		if name == main {
			which = ", containerd's configuration, "
		}
		switch {
		case name == main && errors.Is(err, fs.ErrNotExist):
			return nil, err
		case err != nil:
			c.Unread = append(c.Unread, redact.Path(name)+which+nodefs.Reason(err))
			continue
		}
		if todo = append(todo, n.resolveImports(ctx, c, name, imports)...); len(loaded)+len(todo) > maxImports {
			c.Unread = append(c.Unread, redact.Path(name)+" imports too many files; some were not read")
			break
		}
	}
	return c, nil
}

// addConfig merges one file into the configuration and returns what it imports.
func (n *Node) addConfig(ctx context.Context, c *Config, name string) (imports []any, err error) {
	data, err := n.Files.ReadFile(ctx, name, maxTOML)
	if err != nil {
		return nil, err
	}
	var file map[string]any // no struct: a mistake elsewhere in the file must not hide this
	if err := toml.Unmarshal(data, &file); err != nil {
		return nil, errors.New("is no TOML: " + redact.TOMLError(err))
	}
	version := at[int64](file, "version")
	c.Version = max(c.Version, int(min(version, 9)))
	c.Root = cmp.Or(at[string](file, "root"), c.Root)
	if slices.ContainsFunc(at[[]any](file, "disabled_plugins"), func(id any) bool { return id == ImagesPlugin || id == criPlugin || id == "cri" }) {
		c.disabled = name
	}
	// An older file is carried over by itself, and of the plugin that it names no more than migrateConfig in plugins/cri/images of
	// containerd 2.2 and 2.4 takes, each in place of what the newer plugin has: without runtimes, nothing of containerd.
	images := merge(map[string]any{}, at[map[string]any](file, "plugins", ImagesPlugin))
	old := at[map[string]any](file, "plugins", criPlugin)
	if first := at[map[string]any](file, "plugins", "cri"); version < 2 && first != nil {
		old = first
	}
	carried := pick(old, "registry", "max_concurrent_downloads", "image_pull_with_sync_fs")
	if inner := at[map[string]any](old, "containerd"); inner["runtimes"] != nil {
		maps.Copy(carried, pick(inner, "discard_unpacked_layers", "disable_snapshot_annotations"))
	}
	if version == 3 && len(carried) > 0 {
		c.Unread = append(c.Unread, redact.Path(name)+" is of version 3 and has settings of version 2 in "+criPlugin+", which containerd 2.4 takes and 2.2 does not")
	}
	if version < 4 {
		maps.Copy(images, carried)
	}
	if registry := at[map[string]any](images, "registry"); registry["config_path"] != nil {
		c.PathFrom = name
	}
	merge(c.images, images)
	return at[[]any](file, "imports"), nil
}

// at is what stands at a path of keys, if it is of a type.
func at[T any](m map[string]any, keys ...string) T {
	for _, key := range keys[:len(keys)-1] {
		m, _ = m[key].(map[string]any)
	}
	value, _ := m[keys[len(keys)-1]].(T)
	return value
}

// pick is a map with these of its keys alone.
func pick(m map[string]any, keys ...string) map[string]any {
	out := map[string]any{}
	for _, key := range keys {
		if value, ok := m[key]; ok {
			out[key] = value
		}
	}
	return out
}

// merge puts what from holds into a map; from wins, key by key.
func merge(to, from map[string]any) map[string]any {
	for key, value := range from {
		outer, both := to[key].(map[string]any)
		if inner, ok := value.(map[string]any); ok && both {
			value = merge(outer, inner)
		}
		to[key] = value
	}
	return to
}

// configPath is config_path as containerd takes it, and reports whether it is a list, be it of one.
func (c *Config) configPath() (dirs []string, list bool) {
	value := at[string](c.images, "registry", "config_path")
	dirs = strings.Split(value, ":")
	return slices.DeleteFunc(dirs, func(s string) bool { return s == "" }), strings.Contains(value, ":")
}

// mirrored are the registries that registry.mirrors has, sorted. containerd takes these older settings where config_path is empty, and
// then reads no hosts directory.
func (c *Config) mirrored() []string {
	return slices.Sorted(maps.Keys(at[map[string]any](c.images, "registry", "mirrors")))
}

// withTLS are the registries that registry.configs has with a tls, sorted.
func (c *Config) withTLS() []string {
	configs := at[map[string]any](c.images, "registry", "configs")
	return slices.DeleteFunc(slices.Sorted(maps.Keys(configs)), func(registry string) bool {
		return at[map[string]any](configs, registry, "tls") == nil
	})
}

// Pause is the image of the pause container.
func (c *Config) Pause() string { return at[string](c.images, "pinned_images", "sandbox") }

// OS is what the node's operating system calls itself; empty where its files don't say.
func (n *Node) OS(ctx context.Context) string {
	data, _ := n.Files.ReadFile(ctx, "/etc/os-release", nodefs.MaxFile)
	for line := range strings.Lines(string(data)) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "ID="); ok {
			return strings.Trim(id, `"'`)
		}
	}
	return ""
}

// LocalPull is the setting by which containerd pulls images itself rather than through its transfer service; empty where
// that is left to its version: through the transfer service since 2.1. The options that force it are those of
// CheckLocalImagePullConfigs in internal/cri/config of containerd 2.2 and 2.4.
func (c *Config) LocalPull() string {
	for _, key := range []string{"mirrors", "configs", "auths"} {
		if len(at[map[string]any](c.images, "registry", key)) > 0 {
			return "registry." + key
		}
	}
	for _, option := range []struct {
		key   string
		local bool
	}{
		{"use_local_image_pull", true}, {"discard_unpacked_layers", true}, {"image_pull_with_sync_fs", true}, {"disable_snapshot_annotations", false},
	} {
		if c.images[option.key] == option.local {
			return option.key
		}
	}
	if n, ok := c.images["max_concurrent_downloads"].(int64); ok && n != 3 {
		return "max_concurrent_downloads"
	}
	return ""
}

// resolveImports makes file names of a file's imports: a relative one is beside the file, and one with a star is
// every file of its folder that matches, by name.
func (n *Node) resolveImports(ctx context.Context, c *Config, parent string, imports []any) []string {
	var out []string
	for _, entry := range imports {
		name, ok := entry.(string)
		if !ok {
			continue
		}
		if name = path.Clean(name); !path.IsAbs(name) {
			name = path.Join(path.Dir(parent), name)
		}
		dir, pattern := path.Split(name)
		if !strings.Contains(name, "*") {
			out = append(out, name)
			continue
		}
		entries, err := n.Files.ReadDir(ctx, path.Clean(dir))
		if strings.Contains(dir, "*") {
			err = errors.New("folders by a pattern are not followed")
		}
		if err != nil && !nodefs.IsMissing(err) && !errors.Is(err, nodefs.ErrNotFolder) {
			c.Unread = append(c.Unread, redact.Path(path.Clean(dir))+", from which containerd's configuration imports, "+nodefs.Reason(err))
		}
		for _, e := range entries {
			if ok, err := path.Match(pattern, e.Name); ok && err == nil && len(out) <= maxImports {
				out = append(out, path.Join(dir, e.Name))
			}
		}
	}
	return out
}
