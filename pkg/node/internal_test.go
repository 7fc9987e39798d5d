package node

import (
	"context"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/google/go-cmp/cmp"
)

// What talosctl printed in three of its versions.
func TestParseList(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := []Entry{
		{"_default", fs.ModeDir, 4096, time.Date(2026, 2, 28, 9, 5, 7, 0, time.UTC)},
		{"a name with spaces", 0, 12, time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"link", fs.ModeSymlink, 7, time.Date(2024, 2, 29, 1, 2, 0, 0, time.UTC)},
		{"pipe", fs.ModeIrregular, 0, time.Time{}},
	}
	for _, version := range []string{"1.0", "1.5", "1.10"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			out, err := os.ReadFile("testdata/talosctl-list-" + version + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseList(out, now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for name, out := range map[string]string{
		"another program":  "total 0\ndrwxr-xr-x 2 root wheel 40 Mar 1 12:00 x\n",
		"a line cut short": "NODE   MODE   SIZE(B)   LASTMOD   NAME\nn   -rw",
		"a size in words":  "NODE   MODE         SIZE(B)   LASTMOD   NAME\nn      -rw-------   4 kB      now       x\n",
	} {
		if got, err := parseList([]byte(out), now); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// By the examples of the kubelet's own documentation, and a few more; its own package answers the same.
func TestMatchesImage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key, image string
		want       bool
	}{
		{"harbor.example.com", "harbor.example.com/team/app", true},
		{"https://harbor.example.com", "harbor.example.com/team/app", true},
		{"https://harbor.example.com/v2/", "harbor.example.com/team/app", true},
		{"http://harbor.example.com/v1/", "harbor.example.com/team/app", true},
		{"http://harbor.example.com/v1", "harbor.example.com/team/app", false},
		{"harbor.example.com/v2/team", "harbor.example.com/team/app", true},
		{"harbor.example.com/te", "harbor.example.com/team/app", true},
		{"harbor.example.com/team/", "harbor.example.com/team2/app", false},
		{"harbor.example.com/", "harbor.example.com/app", true},
		{"harbor.example.com/team", "harbor.example.com/team/app", true},
		{"harbor.example.com/other", "harbor.example.com/team/app", false},
		{"harbor.example.com:8443", "harbor.example.com/team/app", false},
		{"harbor.example.com:8443", "harbor.example.com:8443/team/app", true},
		{"harbor.example.com", "harbor.example.com:8443/team/app", false},
		{"*.example.com", "harbor.example.com/team/app", true},
		{"*.example.com", "a.b.example.com/team/app", false},
		{"har*.example.com", "harbor.example.com/team/app", true},
		{"*.*.example.com", "a.b.example.com/app", true},
		{"*", "harbor.example.com/app", false},
		{"https://index.docker.io/v1/", "docker.io/library/busybox", true},
		{"index.docker.io", "docker.io/library/busybox", true},
		{"index.docker.io/team", "docker.io/team/app", false},
		{"*.docker.io", "docker.io/library/busybox", false},
		{"registry-1.docker.io", "docker.io/library/busybox", false},
		{"docker.io", "docker.io/library/busybox", true},
		{"docker.io/team", "docker.io/team/app", true},
		{"docker.io/team", "docker.io/library/busybox", false},
		{"[2001:db8::1]:5000", "[2001:db8::1]:5000/app", true},
		{"[2001:db8::1]", "[2001:db8::1]/app", false},
		{"[", "harbor.example.com/app", false},
		{"", "harbor.example.com/app", false},
	} {
		secret := pullSecretFile{entries: map[string]bool{test.key: true}}
		if got := secret.covers(test.image); got != test.want {
			t.Errorf("%q and %q: %t", test.key, test.image, got)
		}
	}
}

// What containerd and the resolver take, doctor takes too.
func TestLenientFiles(t *testing.T) {
	t.Parallel()
	if _, err := parseHosts([]byte("server = '192.168.1.5:5000'")); err != nil {
		t.Errorf("a server without a scheme: %v", err)
	}
	table := parseEtcHosts([]byte("192.0.2.1 a\n#" + strings.Repeat("x", 70<<10) + "\n192.0.2.2 a\n"))
	if diff := cmp.Diff([]string{"192.0.2.1", "192.0.2.2"}, table["a"]); diff != "" {
		t.Error(diff)
	}
	if _, err := newExam(Options{Image: "reg_x.test/a"}); err == nil {
		t.Error("a host with an underscore is taken")
	}
	var asked []string
	x := &exam{Options: Options{Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		asked = append(asked, address)
		return nil, net.ErrClosed
	}}}
	if _, err := x.dial(t.Context(), table, "tcp", "a:443"); err == nil {
		t.Error("no error")
	}
	if diff := cmp.Diff([]string{"192.0.2.1:443", "192.0.2.2:443"}, asked); diff != "" {
		t.Error(diff)
	}
}

// The copy for containerd's resolver leads nowhere but into itself, and holds no secret.
func TestStageKeepsSecrets(t *testing.T) {
	t.Parallel()
	const file = `server = "https://harbor.example.com" # ours
ca = ["ca.crt", '/etc/ssl/own.crt']
client = [["/etc/ssl/client.crt", "/etc/ssl/client.key"]]
header = { Authorization = "Basic c2VjcmV0" }
[host."http://192.0.2.1:30020"]
capabilities = ["pull"]
ca = "/etc/ssl/own.crt"
[host."http://192.0.2.1:30020".header]
x-token = ["c2VjcmV0", "c2VjcmV0"]
`
	tr := newTree()
	tr.put("/etc/ssl/own.crt", Entry{Name: "own.crt", Size: 4}, []byte("cert"))
	tr.put("/etc/ssl/client.key", Entry{Name: "client.key", Size: 7}, []byte("PRIVATE"))
	s := &stage{dir: t.TempDir(), files: &bundled{tree: tr}, names: map[string]string{}}
	out := string(s.rewrite(t.Context(), "/etc/containerd/certs.d/harbor.example.com", []byte(file)))
	for _, never := range []string{"c2VjcmV0", "/etc/ssl", `"ca.crt"`} {
		if strings.Contains(out, never) {
			t.Errorf("the copy holds %q:\n%s", never, out)
		}
	}
	before, err := parseHosts([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	after, err := parseHosts([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after, cmp.AllowUnexported(hostsFile{}, mirror{})); diff != "" {
		t.Errorf("the copy says something else:\n%s", diff)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(s.dir + "/" + e.Name())
		if err != nil || strings.Contains(string(data), "PRIVATE\n") || string(data) == "PRIVATE" {
			t.Errorf("%s: %q, %v", e.Name(), data, err)
		}
	}
}

// A client's certificate and its key may be in two files, in one, and of several pairs.
func TestStageKeepsPairs(t *testing.T) {
	t.Parallel()
	for _, client := range []string{`"both.pem"`, `["both.pem", "other.pem"]`, `[["client.crt", "client.key"]]`, `[["client.crt", "client.key"], ["other.pem", "client.key"]]`} {
		tr := newTree()
		put := func(name, text string) {
			tr.put("/h/reg/"+name, Entry{Name: name, Size: int64(len(text))}, []byte(text))
		}
		put(hostsToml, "[host.'https://192.0.2.1']\nclient = "+client)
		for _, name := range []string{"both.pem", "other.pem", "client.crt", "client.key"} {
			put(name, "PRIVATE")
		}
		s, err := newStage(t.Context(), &bundled{tree: tr}, []*hostsDir{{path: "/h", entries: []Entry{{Name: "reg", Type: fs.ModeDir}}}}, "reg")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&exam{}).resolver(t.Context(), config.HostDirFromRoot(s.dir))("reg"); err != nil {
			t.Errorf("%s: %v", client, err)
		}
		s.remove()
	}
}

// Every check says all that its page needs.
func TestChecksAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Checks() {
		for field, text := range map[string]string{"title": c.Title, "reads": c.Reads, "why": c.Why, "fails": c.Fails, "mend": c.Mend, "limits": c.Limits} {
			if text == "" {
				t.Errorf("%s has no %s", c.ID, field)
			}
		}
		if c.run == nil || seen[c.ID] {
			t.Errorf("%s is there twice, or does nothing", c.ID)
		}
		seen[c.ID] = true
	}
}
