package node

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"
)

// FuzzHostsFile wants no panic, and the same opinion as containerd's of what a hosts.toml is.
func FuzzHostsFile(f *testing.F) {
	for _, seed := range []string{
		"", "server = 'https://ghcr.io'\n[host.'http://127.0.0.1:30020']\ncapabilities = ['pull']", "[host]\n[host.x]\n", "ca = ['a', 'b']\nclient = [['c', 'd']]\n",
		"header = {a = 'b'}\n", "a = " + strings.Repeat("[", 1000), "a = " + strings.Repeat("{a=", 1000), strings.Repeat("a.", 1000) + "a = 1", "[host.'http://192.0.2.1:30020'.header]\nx = ['y']", "host = [", "dial_timeout = '1h'", "skip_verify = 1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := newTree()
		tr.put("/h/reg/"+hostsToml, Entry{Name: hostsToml, Size: int64(len(data))}, data)
		s, stageErr := newStage(t.Context(), &bundled{tree: tr}, []*hostsDir{{path: "/h", entries: []Entry{{Name: "reg", Type: fs.ModeDir}}}}, "reg")
		if stageErr != nil {
			return // as a file that was not kept
		}
		defer s.remove()
		parsed, err := parseHosts(data)
		if err != nil && (!utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\n\x1b")) {
			t.Errorf("error %q", err)
		}
		for _, s := range (signs{by: map[string]string{}, not: map[string]string{}}).spegelIn(&parsed, "") {
			if len(s) > 100 {
				t.Errorf("%q is shown", s)
			}
		}
		copied, readErr := os.ReadFile(filepath.Join(s.dir, "reg", hostsToml))
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err == nil {
			if _, err := parseHosts(copied); err != nil {
				t.Errorf("the copy of a good file is bad: %v\n%s\n%s", err, data, copied)
			}
		}
		x := &exam{}
		_, _ = x.resolver(t.Context(), config.HostDirFromRoot(s.dir))("reg")
	})
}

// FuzzBundle wants no panic, and nothing kept beyond the bounds.
func FuzzBundle(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add(append([]byte("etc/hosts"), make([]byte, 1024)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "bundle")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		nodes, err := OpenBundle(t.Context(), name)
		if err == nil && len(nodes) == 0 {
			t.Error("no node and no error")
		}
		for _, n := range nodes {
			if _, err := Examine(t.Context(), Options{Files: n}); err != nil {
				t.Error(err)
			}
		}
	})
}
