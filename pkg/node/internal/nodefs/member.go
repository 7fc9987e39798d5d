package nodefs

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// member is a file, a link or a folder of an archive, in memory. A folder is a source: that of the node whose root it is.
type member struct {
	Entry
	content []byte             // of a regular file, or where a symbolic link leads; nil for a file that was not kept
	in      map[string]*member // of a folder
	whole   bool               // it is in the archive itself, and not only what is in it: what it lacks, the node lacks
	partial bool               // except that something of it was not kept
}

// at returns what has a name; nil for nothing.
func (m *member) at(name string) *member {
	for step := range strings.SplitSeq(name, "/") {
		if m != nil && step != "" {
			m = m.in[step]
		}
	}
	return m
}

// add returns what has a name, and makes it, and the folders above it, where there is nothing. Made counts those.
func (m *member) add(name string, made *int) *member {
	for step := range strings.SplitSeq(name, "/") {
		if step == "" {
			continue
		}
		if m.in[step] == nil {
			if m.in == nil {
				m.in = map[string]*member{}
			}
			m.in[step] = &member{Entry: Entry{Name: step, Type: fs.ModeDir}}
			*made++
		}
		m = m.in[step]
	}
	return m
}

// isNode reports whether a folder holds those of a node.
func (m *member) isNode() bool {
	return m.in["etc"] != nil || m.in["var"] != nil || m.in["service-logs"] != nil
}

func (m *member) lookup(name string) (target string, err error) {
	switch m = m.at(name); {
	case m == nil:
		return "", fs.ErrNotExist
	case m.Type == fs.ModeSymlink:
		return string(m.content), nil
	}
	return "", nil
}

func (m *member) list(name string) ([]Entry, error) {
	if m = m.at(name); m == nil || !m.Type.IsDir() {
		return nil, ErrNotFolder
	}
	entries := make([]Entry, 0, len(m.in))
	for _, e := range m.in {
		entries = append(entries, e.Entry)
	}
	return entries, nil
}

func (m *member) open(name string) (io.ReadSeekCloser, int64, error) {
	switch m = m.at(name); {
	case m == nil:
		return nil, 0, fs.ErrNotExist
	case !m.Type.IsRegular():
		return nil, 0, ErrNotRegular
	case m.content == nil && m.Size > 0:
		return nil, 0, ErrTooLarge
	}
	return inMemory{bytes.NewReader(m.content)}, int64(len(m.content)), nil
}

// lacks is false for the root: nobody archives all of it.
func (m *member) lacks(folder string, _ bool) bool {
	m = m.at(folder)
	return folder != "/" && m != nil && (!m.Type.IsDir() || m.whole && !m.partial)
}

// inMemory is an open file that has nothing to close.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// isLookedAt reports whether a check may ask for a file, or come by a folder or a symbolic link. Of an archive of several nodes, each has
// a folder at the top.
func isLookedAt(name string, kind fs.FileMode) bool {
	_, inside, _ := strings.Cut(name[1:], "/")
	return (kind.IsDir() || kind == fs.ModeSymlink) && strings.Count(name, "/") <= maxDepth || isLookedAtOnNode(name) || isLookedAtOnNode("/"+inside)
}

// lookedAt are names on a node that checks may ask for: configuration, downloads, and where /etc/resolv.conf may lead as a link.
var lookedAt = regexp.MustCompile(`^/etc/|/etc/containerd/|/` + regexp.QuoteMeta(HostsToml) + `$|/` + regexp.QuoteMeta(ContentStore+"/"+Ingests) +
	`/|^/run/(k0s|systemd/resolve|resolvconf|NetworkManager|connman)/|^/var/snap/microk8s/.*/args/`)

func isLookedAtOnNode(name string) bool {
	return lookedAt.MatchString(name) || isLog(name) || isCertificate(name)
}

// isCertificate reports whether a hosts.toml may lead to a file, by the file's name. Of what lies in var, most is of containers.
func isCertificate(name string) bool {
	return slices.Contains([]string{".crt", ".cert", ".pem", ".key"}, path.Ext(name)) &&
		(!strings.HasPrefix(name, "/var/") || path.Dir(name) == "/var/lib/rancher/k3s/agent" || path.Dir(name) == "/var/lib/rancher/rke2/agent")
}
