package nodefs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// nodes are those of what was read: one, if the folders at the top are a node's, or else each folder that holds those.
// The time of each is the newest in the archive, which is when it was made.
func (b *archive) nodes(name string) ([]Files, error) {
	folders := map[string]fstest.MapFS{}
	for name, file := range b.files {
		folder, inside, ok := strings.Cut(name, "/")
		if folders[folder] == nil {
			folders[folder] = fstest.MapFS{}
		}
		if ok {
			folders[folder][inside] = file
		}
	}
	if isNode(b.files) {
		folders = map[string]fstest.MapFS{"": b.files}
	}
	var out []Files
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		if isNode(folders[folder]) {
			files := folders[folder]
			n := &tree{fsys: files, remote: true, now: func() time.Time { return b.newest }, lacks: func(folder string, _ bool) bool {
				return folder != "/" && files[below(folder)] != nil // nobody archives all of a root
			}}
			n.node = validate.Clean(cmp.Or(folder, n.hostname(), name))
			out = append(out, n)
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

// isNode reports whether files are those of a node.
func isNode(files fstest.MapFS) bool {
	for name := range files {
		if top, _, _ := strings.Cut(name, "/"); top == "etc" || top == "var" || top == "service-logs" {
			return true
		}
	}
	return false
}

// isLookedAt reports whether a check may ask for a file, or come by a folder or a symbolic link. Of an archive of several nodes, each has
// a folder at the top.
func isLookedAt(name string, kind fs.FileMode) bool {
	_, inside, _ := strings.Cut(name[1:], "/")
	return kind.IsDir() || kind == fs.ModeSymlink || isLookedAtOnNode(name) || isLookedAtOnNode("/"+inside)
}

// lookedAt are names on a node that checks may ask for: configuration, downloads, and where /etc/resolv.conf may lead as a link.
var lookedAt = regexp.MustCompile(`^/etc/|/etc/containerd/|/` + regexp.QuoteMeta(HostsToml) + `$|/` + regexp.QuoteMeta(ContentStore+"/"+Ingests) +
	`/|^/usr/lib/os-release$|^/run/(k0s|systemd/resolve|resolvconf|NetworkManager|connman)/|^/var/snap/microk8s/.*/args/|` +
	`^/var/lib/rancher/(k3s|rke2)/agent/[^/]*\.(crt|cert|pem|key)$`)

// isLookedAtOnNode also takes files that a hosts.toml may lead to, by their names. Of those in var, most are of containers.
func isLookedAtOnNode(name string) bool {
	return lookedAt.MatchString(name) || isLog(name) || !strings.HasPrefix(name, "/var/") && slices.Contains([]string{".crt", ".cert", ".pem", ".key"}, path.Ext(name))
}
