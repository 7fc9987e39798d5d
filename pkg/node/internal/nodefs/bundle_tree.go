package nodefs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// isLookedAt reports whether a check may ask for a file, or come by a folder or a symbolic link. Of an archive of several nodes, each has
// a folder at the top.
func isLookedAt(name string, kind fs.FileMode) bool {
	_, inside, _ := strings.Cut(name[1:], "/")
	return (kind.IsDir() || kind == fs.ModeSymlink) && strings.Count(name, "/") <= maxDepth || isLookedAtOnNode(name) || isLookedAtOnNode("/"+inside)
}

func isLookedAtOnNode(name string) bool {
	return isLog(name) || strings.HasPrefix(name, "/etc/") || path.Base(name) == HostsToml || isCertificate(name) || strings.Contains(name, "/etc/containerd/") ||
		strings.HasPrefix(name, "/run/k0s/") || strings.HasPrefix(name, "/var/snap/microk8s/") && strings.Contains(name, "/args/") ||
		strings.Contains(name, "/"+ContentStore+"/"+Ingests+"/") ||
		slices.ContainsFunc(resolverDirs(), func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// isCertificate reports whether a hosts.toml may lead to a file, by the file's name. Of what lies in var, most is of containers.
func isCertificate(name string) bool {
	return slices.Contains([]string{".crt", ".cert", ".pem", ".key"}, path.Ext(name)) &&
		(!strings.HasPrefix(name, "/var/") || path.Dir(name) == "/var/lib/rancher/k3s/agent" || path.Dir(name) == "/var/lib/rancher/rke2/agent")
}

// resolverDirs are where /etc/resolv.conf may lead as a symbolic link.
func resolverDirs() []string {
	return []string{"/run/systemd/resolve/", "/run/resolvconf/", "/run/NetworkManager/", "/run/connman/"}
}

// kept is what is kept of a member that nobody asks for: that there is a content store, or a folder of a node.
func kept(name string) string {
	if i := strings.Index(name, "/"+ContentStore+"/"); i >= 0 {
		return name[:i+1+len(ContentStore)]
	}
	steps := strings.Split(path.Dir(name), "/")
	return "/" + path.Join(steps[:min(len(steps), 3)]...)
}

// serviceLog is where "talosctl support" puts the log of containerd for Kubernetes.
const serviceLog = "/service-logs/cri.log"

// isLog reports whether a file of an archive is a log, of whichever node.
func isLog(name string) bool {
	return strings.HasSuffix(name, serviceLog) || slices.ContainsFunc(logFiles(), func(log string) bool { return strings.HasSuffix(name, log) })
}

// bundled is one node's files in an archive.
type bundled struct {
	*tree
	node   string
	folder string // of the node in the archive; empty for an archive of its files from the root
	now    time.Time
}

// files are the nodes of what was read: one, if the folders at the top are a node's, or else each folder that holds those.
func (b *bundleReader) files(archive string) ([]Files, error) {
	if b.isNode("") {
		n := &bundled{tree: b.tree, node: archive, now: b.newest}
		if name, err := n.ReadFile(context.Background(), "/etc/hostname", 1<<10); err == nil && strings.TrimSpace(string(name)) != "" {
			n.node = strings.TrimSpace(string(name))
		}
		n.node = validate.Clean(n.node)
		return []Files{n}, nil
	}
	var out []Files
	for _, folder := range slices.Sorted(maps.Keys(b.children["/"])) {
		if b.isNode("/" + folder) {
			out = append(out, &bundled{tree: b.tree, node: validate.Clean(folder), folder: "/" + folder, now: b.newest})
		}
	}
	switch {
	case len(out) > maxNodes:
		return nil, fmt.Errorf("holds more than %d nodes", maxNodes)
	case len(out) == 0:
		return nil, errors.New("holds no files of a node: neither etc, var nor service-logs, at the top or one folder deep")
	}
	return out, nil
}

// Node implements Files.
func (n *bundled) Node() string { return n.node }

// Remote implements Files.
func (n *bundled) Remote() bool { return true }

// Now implements Files: the newest time in the archive, which is when it was made.
func (n *bundled) Now() time.Time { return n.now }

// Log implements Files.
func (n *bundled) Log(ctx context.Context, limit int64) (Log, error) {
	if text, err := n.ReadFile(ctx, serviceLog, limit); err == nil {
		return Log{Source: serviceLog, Text: text}, nil
	}
	return findLog(func(name string) ([]byte, error) { return n.ReadFile(ctx, name, limit) })
}

// ReadDir implements Files.
func (n *bundled) ReadDir(_ context.Context, name string) ([]Entry, error) {
	name, err := n.resolve(name)
	if err != nil {
		return nil, err
	}
	if e := n.entries[name]; name != "/" && !e.Type.IsDir() {
		return nil, fs.ErrNotExist
	}
	children := n.children[name]
	if len(children) > maxEntries {
		return nil, ErrTooMany
	}
	entries := make([]Entry, 0, len(children))
	for _, child := range slices.Sorted(maps.Keys(children)) {
		entries = append(entries, children[child])
	}
	return entries, nil
}

// ReadFile implements Files.
func (n *bundled) ReadFile(_ context.Context, name string, limit int64) ([]byte, error) {
	name, err := n.resolve(name)
	if err != nil {
		return nil, err
	}
	content := n.contents[name]
	switch e := n.entries[name]; {
	case !e.Type.IsRegular():
		return nil, ErrNotRegular
	case int64(len(content)) > limit, content == nil && e.Size > 0:
		return nil, ErrTooLarge
	}
	return content, nil
}

// resolve follows symbolic links, which lead no further than to the node's root, and returns a name in the archive.
func (n *bundled) resolve(name string) (string, error) {
	at, _, err := follow(name, func(name string) (string, error) {
		e, ok := n.entries[n.folder+name]
		switch {
		case !ok:
			return "", fs.ErrNotExist
		case e.Type == fs.ModeSymlink:
			return string(n.contents[n.folder+name]), nil
		}
		return "", nil
	})
	full := path.Join("/", n.folder, at)
	if errors.Is(err, fs.ErrNotExist) { // of the root nobody archives all
		return "", lacks(n.given[full] && !n.partial[full] && at != "/")
	}
	return full, err
}

// tree is a file system in memory.
type tree struct {
	entries  map[string]Entry            // by name
	children map[string]map[string]Entry // by name of the folder
	contents map[string][]byte           // nil for a file that was not kept
	given    map[string]bool             // folders that are a member themselves: what they lack, the node lacks
	partial  map[string]bool             // except these, of which something was not kept
}

func newTree() *tree {
	return &tree{
		entries: map[string]Entry{}, children: map[string]map[string]Entry{}, contents: map[string][]byte{},
		given: map[string]bool{}, partial: map[string]bool{},
	}
}

// put adds a file and the folders above it. Of two files with one name the last one counts, as it does
// when an archive is unpacked.
func (t *tree) put(name string, e Entry, content []byte) {
	t.contents[name] = content
	for name != "/" {
		dir := path.Dir(name)
		if t.children[dir] == nil {
			t.children[dir] = map[string]Entry{}
		}
		t.entries[name], t.children[dir][e.Name] = e, e
		if name = dir; t.has(name) {
			return
		}
		e = Entry{Name: path.Base(name), Type: fs.ModeDir}
	}
}

func (t *tree) has(name string) bool {
	_, ok := t.entries[name]
	return ok
}

// isNode reports whether a folder holds those of a node.
func (t *tree) isNode(folder string) bool {
	return t.has(folder+"/etc") || t.has(folder+"/var") || t.has(folder+"/service-logs")
}
