package resolver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
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
		n := &containerd.Node{Files: root(t, map[string]string{"h/reg/hosts.toml": string(data)})}
		s, copyErr := newCopy(t.Context(), n.Files, hostsDirs(t, n.Files, "/h"), "reg")
		if copyErr != nil {
			return // as a file that was not kept
		}
		defer s.remove()
		_, err := n.HostsFile(t.Context(), "/h/reg")
		if err != nil && (!utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\n\x1b")) {
			t.Errorf("error %q", err)
		}
		copied, readErr := os.ReadFile(filepath.Join(s.dir, "reg", nodefs.HostsToml))
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err == nil {
			again := &containerd.Node{Files: root(t, map[string]string{"h/reg/hosts.toml": string(copied)})}
			if _, err := again.HostsFile(t.Context(), "/h/reg"); err != nil {
				t.Errorf("the copy of a good file is bad: %v\n%s\n%s", err, data, copied)
			}
		}
		_, _ = (&Resolver{Node: n}).hosts(t.Context(), config.HostDirFromRoot(s.dir))("reg")
	})
}
