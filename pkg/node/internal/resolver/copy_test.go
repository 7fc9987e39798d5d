package resolver

import (
	"os"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

// root is a node with these files, by name without the leading slash.
func root(t testing.TB, all map[string]string) nodefs.Files {
	t.Helper()
	r, err := nodefs.OpenRoot(folder.Write(t, all))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func hostsDirs(t testing.TB, files nodefs.Files, name string) []*containerd.HostsDir {
	t.Helper()
	entries, err := files.ReadDir(t.Context(), name)
	return []*containerd.HostsDir{{Path: name, Entries: entries, Err: err}}
}

// said is what a hosts file says.
func said(t *testing.T, text string) containerd.HostsFile {
	t.Helper()
	n := &containerd.Node{Files: root(t, map[string]string{"h/hosts.toml": text})}
	f, err := n.HostsFile(t.Context(), "/h")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The copy for containerd's resolver leads nowhere but into itself, and holds no secret.
func TestCopyKeepsSecrets(t *testing.T) {
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
	files := root(t, map[string]string{"etc/ssl/own.crt": "cert", "etc/ssl/client.key": "PRIVATE"})
	s := &hostsCopy{dir: t.TempDir(), files: files, names: map[string]string{}}
	out := string(s.rewrite(t.Context(), "/etc/containerd/certs.d/harbor.example.com", []byte(file)))
	for _, never := range []string{"c2VjcmV0", "/etc/ssl", `"ca.crt"`} {
		if strings.Contains(out, never) {
			t.Errorf("the copy holds %q:\n%s", never, out)
		}
	}
	if diff := cmp.Diff(said(t, file), said(t, out)); diff != "" {
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

// containerd takes a key in any case, and a file that is named by one must not be read on this machine.
func TestCopyTakesKeysInAnyCase(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"CA = '/etc/ssl/own.crt'\n", "Client = [['/etc/ssl/a', '/etc/ssl/b']]\n", "[HEADER]\nX = 'c2VjcmV0'\n", "Header.X = ['c2VjcmV0']\n",
		"[host.'https://192.0.2.1']\nCa = ['/etc/ssl/own.crt']\n", "[host.'https://192.0.2.1']\n[HOST.'https://192.0.2.1']\nca = '/etc/ssl/own.crt'\n",
		"[Host]\n'https://192.0.2.1' = {cA = '/etc/ssl/own.crt', HEADER = {x = 'c2VjcmV0'}}\n", "[host.\"a\\nb\"]\nca = '/etc/ssl/own.crt'\n",
	} {
		s := &hostsCopy{dir: t.TempDir(), files: root(t, nil), names: map[string]string{}}
		out := string(s.rewrite(t.Context(), "/h/reg", []byte(file)))
		if strings.Contains(out, "/etc/ssl") || strings.Contains(out, "c2VjcmV0") {
			t.Errorf("%s becomes %s", file, out)
		}
	}
}

// A client's certificate and its key may be in two files, in one, and of several pairs.
func TestCopyKeepsPairs(t *testing.T) {
	t.Parallel()
	for _, client := range []string{`"both.pem"`, `["both.pem", "other.pem"]`, `[["client.crt", "client.key"]]`, `[["client.crt", "client.key"], ["other.pem", "client.key"]]`} {
		files := map[string]string{"h/reg/hosts.toml": "[host.'https://192.0.2.1']\nclient = " + client}
		for _, name := range []string{"both.pem", "other.pem", "client.crt", "client.key"} {
			files["h/reg/"+name] = "PRIVATE"
		}
		n := &containerd.Node{Files: root(t, files)}
		s, err := newCopy(t.Context(), n.Files, hostsDirs(t, n.Files, "/h"), "reg")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&Resolver{Node: n}).hosts(t.Context(), config.HostDirFromRoot(s.dir))("reg"); err != nil {
			t.Errorf("%s: %v", client, err)
		}
		s.remove()
	}
}
