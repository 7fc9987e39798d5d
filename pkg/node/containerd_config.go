package node

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxImports bounds the files of one configuration; through talosctl each is a call.
const maxImports = 100

// The plugins that hold the registry settings, in version 3 of the file and in version 2. Version 1 calls the
// second one cri.
const (
	imagesPlugin = "io.containerd.cri.v1.images"
	criPlugin    = "io.containerd.grpc.v1.cri"
)

// containerdConfig is what containerd makes of its configuration and of the files that it imports, as far as it
// matters here.
type containerdConfig struct {
	main     string // the file to begin with; empty where none can be read
	version  int
	root     string // of the content store; empty where no file says
	plugins  map[string]any
	pathFrom string   // the last file that sets config_path
	disabled string   // the last file that turns the plugin off that pulls images for Kubernetes
	unread   []string // what could not be read of it, or can't be used
}

// containerdConfig reads the first configuration that there is, once. One for a containerd that does not serve Kubernetes
// is taken only if there is no other.
func (x *exam) containerdConfig(ctx context.Context) *containerdConfig {
	if x.config != nil {
		return x.config
	}
	c := &containerdConfig{}
	for _, main := range containerdConfigs() {
		found := x.loadConfig(ctx, main)
		if found != nil && (c.main == "" || found.disabled == "") {
			c = found
		}
		if c.main != "" && c.disabled == "" {
			break
		}
	}
	if c.disabled != "" {
		c.unread = append(c.unread, shownPath(c.disabled)+" turns off the plugin that pulls images for Kubernetes: another containerd does that, and its configuration was not found")
	}
	c.unread = append(c.unread, x.Files.Unread()...)
	if ctx.Err() == nil { // the time of one check is no answer for the next
		x.config = c
	}
	return c
}

// loadConfig follows imports as containerd 2 does: one file after the other, those that a file imports after those
// that wait already, each once, and a later one overrides. It is nil if the first file is not there.
func (x *exam) loadConfig(ctx context.Context, main string) *containerdConfig {
	c := &containerdConfig{main: main, version: 1, plugins: map[string]any{}}
	loaded := map[string]bool{}
	for todo := []string{main}; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if loaded[name] {
			continue
		}
		loaded[name] = true
		imports, err := x.addConfig(ctx, c, name)
		if name == main && (isMissing(err) || errors.Is(err, errNotGiven) && !x.leadsAway(ctx, name)) {
			return nil
		}
		if err != nil {
			which := ", which containerd's configuration imports, "
			if name == main {
				which = ", containerd's configuration, "
			}
			c.unread = append(c.unread, shownPath(name)+which+reason(err))
			continue
		}
		if todo = append(todo, x.resolveImports(ctx, c, name, imports)...); len(loaded)+len(todo) > maxImports {
			c.unread = append(c.unread, shownPath(name)+" imports too many files; some were not read")
			return c
		}
	}
	return c
}

// leadsAway tells of a name that was not handed over that it, or a folder above it, is there, as a symbolic link to what
// was not.
func (x *exam) leadsAway(ctx context.Context, name string) bool {
	for ; name != "/"; name = path.Dir(name) {
		if entries, err := x.Files.ReadDir(ctx, path.Dir(name)); err == nil {
			return has(entries, path.Base(name))
		}
	}
	return false
}

// addConfig merges one file into the configuration and returns what it imports.
func (x *exam) addConfig(ctx context.Context, c *containerdConfig, name string) (imports []string, err error) {
	data, err := readTOML(ctx, x.Files, name)
	if err != nil {
		return nil, err
	}
	var file map[string]any // no struct: a mistake elsewhere in the file must not hide this
	if err := toml.Unmarshal(data, &file); err != nil {
		return nil, errors.New("is no TOML: " + tomlError(err))
	}
	plugins, _ := file["plugins"].(map[string]any)
	if version, _ := file["version"].(int64); version > 1 {
		c.version = int(min(version, 9))
	} else if old, ok := plugins["cri"]; ok {
		plugins = map[string]any{criPlugin: old}
	}
	if root, _ := file["root"].(string); root != "" {
		c.root = root
	}
	if disabled, _ := file["disabled_plugins"].([]any); slices.ContainsFunc(disabled, func(id any) bool {
		return id == imagesPlugin || id == criPlugin || id == "cri"
	}) {
		c.disabled = name
	}
	if setsConfigPath(plugins) {
		c.pathFrom = name
	}
	merge(c.plugins, plugins)
	list, _ := file["imports"].([]any)
	for _, entry := range list {
		if s, ok := entry.(string); ok {
			imports = append(imports, s)
		}
	}
	return imports, nil
}

// merge puts what from holds into a map of the same kind; from wins, key by key.
func merge(to, from map[string]any) {
	for key, value := range from {
		inner, ok := value.(map[string]any)
		if outer, both := to[key].(map[string]any); ok && both {
			merge(outer, inner)
			continue
		}
		if ok {
			fresh := map[string]any{}
			merge(fresh, inner)
			value = fresh
		}
		to[key] = value
	}
}

func setsConfigPath(plugins map[string]any) bool {
	_, images := configPathOf(plugins, imagesPlugin)
	_, cri := configPathOf(plugins, criPlugin)
	return images || cri
}

func configPathOf(plugins map[string]any, plugin string) (value string, set bool) {
	settings, _ := plugins[plugin].(map[string]any)
	registry, _ := settings["registry"].(map[string]any)
	value, set = registry["config_path"].(string)
	return value, set
}

// configPath is config_path as containerd takes it: of the plugin that the version of the file knows. Settings of
// version 2 are carried over into those of version 3; beside version 3 they count for nothing.
func (c *containerdConfig) configPath() (dirs []string, set bool) {
	value, set := configPathOf(c.plugins, imagesPlugin)
	if c.version < 3 {
		if old, ok := configPathOf(c.plugins, criPlugin); ok {
			value, set = old, true
		}
	}
	return slices.DeleteFunc(strings.Split(value, ":"), func(s string) bool { return s == "" }), set
}

// misplaced tells that config_path is set where containerd does not look for it.
func (c *containerdConfig) misplaced() bool {
	_, old := configPathOf(c.plugins, criPlugin)
	return old && c.version >= 3
}

// resolveImports makes file names of a file's imports: a relative one is beside the file, and one with a star is
// every file that matches, by name.
func (x *exam) resolveImports(ctx context.Context, c *containerdConfig, parent string, imports []string) []string {
	var out []string
	for _, name := range imports {
		if name = path.Clean(name); !path.IsAbs(name) {
			name = path.Join(path.Dir(parent), name)
		}
		if !strings.Contains(name, "*") {
			out = append(out, name)
			continue
		}
		out = append(out, x.glob(ctx, c, name)...)
	}
	return out
}

// glob lists the names that match a pattern, folder by folder.
func (x *exam) glob(ctx context.Context, c *containerdConfig, pattern string) []string {
	matches := []string{"/"}
	plain := true // what comes before the first star need not be listed
	for step := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		next := map[string]bool{}
		plain = plain && !strings.ContainsAny(step, `*?[\`)
		for _, dir := range matches {
			if plain {
				next[path.Join(dir, step)] = true
				continue
			}
			entries, err := x.Files.ReadDir(ctx, dir)
			if err != nil && !isMissing(err) {
				c.unread = append(c.unread, shownPath(dir)+", from which containerd's configuration imports, "+reason(err))
			}
			for _, e := range entries {
				if ok, err := path.Match(step, e.Name); ok && err == nil {
					next[path.Join(dir, e.Name)] = true
				}
			}
		}
		if matches = slices.Sorted(maps.Keys(next)); len(matches) > maxImports {
			matches = matches[:maxImports+1]
		}
	}
	return matches
}
