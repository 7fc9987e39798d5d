package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
)

// ignored notes whether containerd ignores a file.
type ignored bool

func (*ignored) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel} }

func (i *ignored) Fire(*logrus.Entry) error { *i = true; return nil }

// FuzzHostsFile wants no panic, and the same opinion as containerd's of what a hosts.toml is and whom it names.
func FuzzHostsFile(f *testing.F) {
	for _, seed := range []string{
		"", "server = 'https://ghcr.io'\n[host.'http://127.0.0.1:30020']\ncapabilities = ['pull']", "[host]\n[host.x]\n", "[host.\"a\\nb\"]\n",
		"header = {a = 'b'}\n", "a = " + strings.Repeat("[", 1000), "a = " + strings.Repeat("{a=", 1000), strings.Repeat("a.", 1000) + "a = 1", "[host.'http://192.0.2.1:30020'.header]\nx = ['y']", "host = [", "dial_timeout = '1h'", "skip_verify = 1",
		"ca = 5\n", "header = {a = 5}\n", "[host.a.header]\n[host.b]\n[host.a]\n[HOST.c]\n", "[[host.a]]\n", "host.a.capabilities = ['pull']\n",
		"server = 'http://[::1'\n", "[host.'http://a:5000']\nskip_verify = true\n[host.b]\noverride_path = true\n",
		"[host.\"\"]\n", "[host.a]\n[host.\"\"]\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "hosts.toml"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		n := &Node{Files: root(t, map[string]string{"h/hosts.toml": string(data)})}
		own, err := n.HostsFile(t.Context(), "/h")
		if len(data) == 0 {
			return // as if it were not there
		}
		if err != nil && (!utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\n\x1b")) {
			t.Errorf("error %q", err)
		}
		var lost ignored
		logger := logrus.New()
		logger.AddHook(&lost)
		logger.SetOutput(&strings.Builder{})
		theirs, failed := config.ConfigureHosts(log.WithLogger(t.Context(), logrus.NewEntry(logger)), config.HostOptions{
			HostDir: func(string) (string, error) { return dir, nil },
		})("reg")
		if bool(lost) != (err != nil) && len(data) < 60<<10 {
			t.Errorf("doctor says %v, and containerd ignores the file: %t\n%s", err, lost, data)
		}
		if err != nil || failed != nil {
			return // a file that is ignored, or a certificate that is not there
		}
		ours := &Resolution{Folder: "/h", File: own}
		if err := n.ask(t.Context(), ours, "reg"); err != nil {
			t.Errorf("%v; containerd has no error\n%s", err, data)
		}
		var want, got []string
		for _, h := range theirs {
			want = append(want, Host{RegistryHost: h}.URL())
		}
		for _, h := range ours.Hosts {
			got = append(got, h.URL())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of the copy (-containerd +doctor):\n%s%s\n%s", diff, data, own.Bare())
		}
	})
}
