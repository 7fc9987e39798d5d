package nodefs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// splitNode cuts the name of a member into the folder of its node and the name on the node. An archive of one node's files
// has its folders at the top.
func splitNode(name string) (node, inside string) {
	first, rest, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if !ok || slices.Contains([]string{"etc", "run", "var", "service-logs"}, first) {
		return "", name
	}
	return first, "/" + rest
}

// isLookedAt reports whether a check may ask for a file, or come by a folder or a symbolic link.
func isLookedAt(name string, kind fs.FileMode) bool {
	inside := name + "/" // of a folder, itself
	return (kind.IsDir() || kind == fs.ModeSymlink) && strings.Count(name, "/") <= maxDepth || isLog(name) ||
		strings.HasPrefix(inside, "/etc/") || path.Base(name) == HostsToml || isCertificate(name) || strings.Contains(inside, "/etc/containerd/") ||
		strings.HasPrefix(inside, "/run/k0s/") || strings.HasPrefix(inside, "/var/snap/microk8s/") && strings.Contains(inside, "/args/") ||
		strings.Contains(inside, "/"+ContentStore+"/"+Ingests+"/") || strings.HasSuffix(name, "/"+ContentStore) ||
		slices.ContainsFunc(resolverDirs(), func(dir string) bool { return strings.HasPrefix(inside, dir) })
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

// kept is what is kept of a member that nobody asks for: that there is a folder at the top, or a content store.
func kept(name string) string {
	if i := strings.Index(name, "/"+ContentStore+"/"); i >= 0 {
		return name[:i+1+len(ContentStore)]
	}
	top, _, _ := strings.Cut(name[1:], "/")
	return "/" + top
}

// serviceLog is where "talosctl support" puts the log of containerd for Kubernetes.
const serviceLog = "/service-logs/cri.log"

func isLog(name string) bool { return name == serviceLog || slices.Contains(logFiles(), name) }

// bundled is one node's files in an archive.
type bundled struct {
	*tree
	node   string
	now    time.Time
	unread []string
	short  string // what there was no room for of its log
}

// leaveOut counts a name of which it is not clear where it leads.
func (b *bundleReader) leaveOut(name string, e Entry) {
	b.unsafe++
	if e.Type.IsDir() || !isOfContainerd(name) {
		return
	}
	b.missed++
	if b.missed == 1 {
		b.missing = redact.Quote(name)
	}
}

// unread lists what was left out. Names count for each node of the archive: whose they would be is not clear.
func (b *bundleReader) unread(t *tree) (out []string) {
	if b.missed > 0 {
		out = append(out, fmt.Sprintf(`names with a backslash or ".." were left out of the archive, %d of them of what may be containerd's files; the first is %s`, b.missed, b.missing))
	}
	if t.dropped > 0 {
		out = append(out, fmt.Sprintf("the archive holds more than is kept of one, so that %d files were left out; the first is %s", t.dropped, t.noRoom))
	}
	return out
}

// isOfContainerd reports whether a name may mean a file of containerd's configuration or store, with its backslashes taken
// for slashes. Others are common: systemd names its units with backslashes.
func isOfContainerd(name string) bool {
	clean := path.Clean("/" + strings.ReplaceAll(name, `\`, "/"))
	return path.Ext(clean) == ".toml" || slices.ContainsFunc([]string{"/etc/containerd/", "/etc/cri/", "/certs.d/", "/" + ContentStore + "/" + Ingests + "/"}, func(folder string) bool {
		return strings.Contains(clean+"/", folder)
	})
}

// files makes Files of what was read. Beside the folders of a node, such as etc, other folders at the top are the
// node's own, data/etc of it among them; without, each folder that holds those of a node is one.
func (b *bundleReader) files(archive string) ([]Files, error) {
	var out []Files
	own := b.trees[""]
	for _, root := range slices.Sorted(maps.Keys(b.trees)) {
		t := b.trees[root]
		switch {
		case root != "" && own.isNode():
			own.graft("/"+root, t)
			continue
		case !t.isNode():
			continue
		}
		n := &bundled{tree: t, node: root, now: b.newest, unread: b.unread(t)}
		if b.logLimit < MaxLog && slices.ContainsFunc(t.logs(), func(name string) bool { return int64(len(t.content[name])) == b.logLimit }) {
			n.short = fmt.Sprintf("the archive holds many logs, so that only the last %d KiB of each were read", b.logLimit>>10)
		}
		if root == "" {
			n.node = archive
			if name, err := t.ReadFile(context.Background(), "/etc/hostname", 1<<10); err == nil && strings.TrimSpace(string(name)) != "" {
				n.node = strings.TrimSpace(string(name))
			}
		}
		n.node = validate.Clean(n.node)
		out = append(out, n)
	}
	switch {
	case len(out) > 0:
		return out, nil
	case b.unsafe > 0:
		return nil, errors.New("holds only names that lead out of it")
	}
	return nil, errors.New("holds no files of a node: neither etc, var nor service-logs, at the top or one folder deep")
}

// Node implements Files.
func (n *bundled) Node() string { return n.node }

// Remote implements Files.
func (n *bundled) Remote() bool { return true }

// Unread implements Files.
func (n *bundled) Unread() []string { return n.unread }

// Now implements Files: the newest time in the archive, which is when it was made.
func (n *bundled) Now() time.Time { return n.now }

// Log implements Files.
func (n *bundled) Log(ctx context.Context, limit int64) (Log, error) {
	if text, err := n.ReadFile(ctx, serviceLog, limit); err == nil {
		return Log{Source: serviceLog, Text: text, Short: n.short}, nil
	}
	log, err := findLog(func(name string) ([]byte, error) { return n.ReadFile(ctx, name, limit) })
	log.Short = n.short
	return log, err
}

// tree is a file system in memory.
type tree struct {
	entries  map[string]Entry            // by name
	children map[string]map[string]Entry // by name of the folder
	content  map[string][]byte           // nil for a file that was not kept
	given    map[string]bool             // folders that are a member themselves: what they lack, the node lacks
	partial  map[string]bool             // except these, of which something was not kept
	dropped  int                         // files that there was no room for, except logs
	noRoom   string                      // the first of them
}

func newTree() *tree {
	return &tree{
		entries: map[string]Entry{}, children: map[string]map[string]Entry{}, content: map[string][]byte{},
		given: map[string]bool{}, partial: map[string]bool{},
	}
}

// put adds a file and the folders above it. Of two files with one name the last one counts, as it does
// when an archive is unpacked.
func (t *tree) put(name string, e Entry, content []byte) {
	t.content[name] = content
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

// drop counts a file that there was no room for.
func (t *tree) drop(name string) {
	if isLog(name) {
		return
	}
	t.dropped++
	if t.dropped == 1 {
		t.noRoom = redact.Path(name)
	}
}

// graft adds the files of another tree below a folder.
func (t *tree) graft(folder string, other *tree) {
	for name, e := range other.entries {
		t.put(folder+name, e, other.content[name])
	}
	for name := range other.given {
		t.given[path.Join(folder, name)] = true
	}
	for name := range other.partial {
		t.partial[path.Join(folder, name)] = true
	}
	t.dropped, t.noRoom = t.dropped+other.dropped, cmp.Or(t.noRoom, other.noRoom)
}

// logs are the names of the logs that are kept.
func (t *tree) logs() []string {
	return slices.DeleteFunc(append(logFiles(), serviceLog), func(name string) bool { return len(t.content[name]) == 0 })
}

func (t *tree) has(name string) bool {
	_, ok := t.entries[name]
	return ok
}

// isNode reports whether a tree, if there is one, holds files of a node.
func (t *tree) isNode() bool {
	return t != nil && (t.has("/etc") || t.has("/var") || t.has("/service-logs"))
}

// ReadDir implements Files.
func (t *tree) ReadDir(_ context.Context, name string) ([]Entry, error) {
	name, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	if e := t.entries[name]; name != "/" && !e.Type.IsDir() {
		return nil, fs.ErrNotExist
	}
	children := t.children[name]
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
func (t *tree) ReadFile(_ context.Context, name string, limit int64) ([]byte, error) {
	name, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	content := t.content[name]
	switch e := t.entries[name]; {
	case !e.Type.IsRegular():
		return nil, ErrNotRegular
	case int64(len(content)) > limit, content == nil && e.Size > 0:
		return nil, ErrTooLarge
	}
	return content, nil
}

// resolve follows symbolic links.
func (t *tree) resolve(name string) (string, error) {
	at, _, err := follow(name, func(name string) (string, error) {
		e, ok := t.entries[name]
		switch {
		case !ok:
			return "", fs.ErrNotExist
		case e.Type == fs.ModeSymlink:
			return string(t.content[name]), nil
		}
		return "", nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return "", lacks(t.given[at] && !t.partial[at])
	}
	return at, err
}
