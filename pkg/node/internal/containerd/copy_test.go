package containerd

import (
	"strings"
	"testing"
)

// bare is what containerd's resolver is given of a hosts file.
func bare(t *testing.T, text string) string {
	t.Helper()
	n := &Node{Files: root(t, map[string]string{"h/hosts.toml": text})}
	f, err := n.HostsFile(t.Context(), "/h")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return string(f.Bare())
}

// The copy for containerd's resolver leads to no file, in whatever case the keys are written, and holds no secret.
func TestCopyKeepsSecrets(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		`server = "https://harbor.example.com" # ours
ca = ["ca.crt", '/etc/ssl/own.crt']
client = [["/etc/ssl/client.crt", "/etc/ssl/client.key"]]
header = { Authorization = "Basic c2VjcmV0" }
[host."http://192.0.2.1:30020"]
capabilities = ["pull"]
ca = "/etc/ssl/own.crt"
[host."http://192.0.2.1:30020".header]
x-token = ["c2VjcmV0", "c2VjcmV0"]
`,
		"CA = '/etc/ssl/own.crt'\n", "Client = [['/etc/ssl/a', '/etc/ssl/b']]\n", "[HEADER]\nX = 'c2VjcmV0'\n", "Header.X = ['c2VjcmV0']\n",
		"[host.'https://192.0.2.1']\nCa = ['/etc/ssl/own.crt']\n", "[Host]\n'https://192.0.2.1' = {cA = '/etc/ssl/own.crt', HEADER = {x = 'c2VjcmV0'}}\n",
	} {
		for _, never := range []string{"c2VjcmV0", "/etc/ssl", "ca.crt", "x-token"} {
			if out := bare(t, file); strings.Contains(out, never) {
				t.Errorf("the copy of\n%sholds %q:\n%s", file, never, out)
			}
		}
	}
}

// A client's certificate and its key may be in two files, in one, and of several pairs. Each has to be there.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	for _, client := range []string{`"both.pem"`, `["both.pem", "other.pem"]`, `[["client.crt", "client.key"]]`, `[["client.crt", "client.key"], ["other.pem", "client.key"]]`} {
		files := map[string]string{"h/reg/hosts.toml": "[host.'https://192.0.2.1']\nclient = " + client}
		for _, name := range []string{"both.pem", "other.pem", "client.crt", "client.key"} {
			files["h/reg/"+name] = "PRIVATE"
		}
		if _, err := resolve(t, files); err != nil {
			t.Errorf("%s: %v", client, err)
		}
		for name := range files {
			if strings.Contains(client, strings.TrimPrefix(name, "h/reg/")) {
				delete(files, name)
			}
		}
		if _, err := resolve(t, files); err == nil || !strings.Contains(err.Error(), "unable to read CERT file") {
			t.Errorf("%s, and none of them: %v", client, err)
		}
	}
}

// resolve asks for registry reg.
func resolve(t *testing.T, files map[string]string) (*Resolution, error) {
	t.Helper()
	n := &Node{Files: root(t, files)}
	entries, err := n.Files.ReadDir(t.Context(), "/h")
	return n.Resolve(t.Context(), &HostsDirs{Dirs: []*HostsDir{{Path: "/h", Entries: entries, Err: err}}}, "reg")
}
