package nodefs

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// isLookedAt reports whether a check may ask for a file, or come by a folder or a symbolic link. Of an archive of several nodes, each has
// a folder at the top.
func isLookedAt(name string, kind fs.FileMode) bool {
	_, inside, _ := strings.Cut(name[1:], "/")
	return (kind.IsDir() || kind == fs.ModeSymlink) && strings.Count(name, "/") <= maxDepth || isLookedAtOnNode(name) || isLookedAtOnNode("/"+inside)
}

// lookedAt are names on a node that checks may ask for: configuration, downloads, and where /etc/resolv.conf may lead as a link.
var lookedAt = regexp.MustCompile(`^/etc/|/etc/containerd/|/` + regexp.QuoteMeta(HostsToml) + `$|/` + regexp.QuoteMeta(ContentStore+"/"+Ingests) +
	`/|^/usr/lib/os-release$|^/run/(k0s|systemd/resolve|resolvconf|NetworkManager|connman)/|^/var/snap/microk8s/.*/args/`)

func isLookedAtOnNode(name string) bool {
	return lookedAt.MatchString(name) || isLog(name) || isCertificate(name)
}

// isCertificate reports whether a hosts.toml may lead to a file, by the file's name. Of what lies in var, most is of containers.
func isCertificate(name string) bool {
	return slices.Contains([]string{".crt", ".cert", ".pem", ".key"}, path.Ext(name)) &&
		(!strings.HasPrefix(name, "/var/") || path.Dir(name) == "/var/lib/rancher/k3s/agent" || path.Dir(name) == "/var/lib/rancher/rke2/agent")
}
