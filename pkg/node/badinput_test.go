package node_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

func printed(r node.Result) string { return strings.Join(r.Evidence, "\n") + "\n" + r.Fix }

func contains(text, piece string) bool { return strings.Contains(text, piece) }

// badHosts makes a hosts file for all registries.
func badHosts(text string) func(t *testing.T, hosts string) {
	return func(t *testing.T, hosts string) {
		t.Helper()
		must(t, os.Mkdir(filepath.Join(hosts, "_default"), 0o700))
		must(t, os.WriteFile(filepath.Join(hosts, "_default/hosts.toml"), []byte(text), 0o600))
	}
}

// What nobody would write, and what somebody might.
func TestBadFolders(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make   func(t *testing.T, hosts string)
		status node.Status
		says   string
	}{
		"a symbolic link out of the root": {
			func(t *testing.T, hosts string) {
				t.Helper()
				outside := t.TempDir()
				must(t, os.WriteFile(filepath.Join(outside, "hosts.toml"), []byte(spegelHosts("")), 0o600))
				must(t, os.Symlink(outside, filepath.Join(hosts, "harbor.example.com")))
			},
			node.Warn, "harbor.example.com/hosts.toml is not part of what could be read",
		},
		"a symbolic link that leads to itself": {
			func(t *testing.T, hosts string) {
				t.Helper()
				must(t, os.Symlink("_default", filepath.Join(hosts, "_default")))
			},
			node.Warn, "_default/hosts.toml",
		},
		"a named pipe in place of a hosts file": {
			func(t *testing.T, hosts string) {
				t.Helper()
				must(t, os.Mkdir(filepath.Join(hosts, "_default"), 0o700))
				must(t, syscall.Mkfifo(filepath.Join(hosts, "_default/hosts.toml"), 0o600))
			},
			node.Warn, "is not a regular file",
		},
		"a huge hosts file": {
			func(t *testing.T, hosts string) {
				t.Helper()
				must(t, os.Mkdir(filepath.Join(hosts, "_default"), 0o700))
				must(t, os.WriteFile(filepath.Join(hosts, "_default/hosts.toml"), nil, 0o600))
				must(t, os.Truncate(filepath.Join(hosts, "_default/hosts.toml"), 1<<40))
			},
			node.Warn, "is too large",
		},
		"arrays in arrays":                     {badHosts(strings.Repeat("\n", 7) + "a = " + strings.Repeat("[", 60_000)), node.Warn, "toml: arrays and inline tables are nested more than the maximum"},
		"tables in tables":                     {badHosts("a = " + strings.Repeat("{a = ", 10_000)), node.Warn, "containerd ignores the whole file"},
		"a key of many parts":                  {badHosts("[host]\n" + strings.Repeat("a.", 30_000) + "a = 1"), node.Pass, "with 1 entries"},
		"more tables than a parser soon reads": {badHosts(strings.Repeat("[[a]]\n", 12_000)), node.Warn, "is too large"},
		"no UTF-8": {
			func(t *testing.T, hosts string) {
				t.Helper()
				must(t, os.Mkdir(filepath.Join(hosts, "_default"), 0o700))
				must(t, os.WriteFile(filepath.Join(hosts, "_default/hosts.toml"), []byte("server = '\xff\xfe'"), 0o600))
			},
			node.Warn, "containerd ignores the whole file",
		},
		"10,000 folders, and Spegel in one of them": {
			func(t *testing.T, hosts string) {
				t.Helper()
				for i := range 10_000 {
					must(t, os.Mkdir(filepath.Join(hosts, fmt.Sprintf("a%d.example.net", i)), 0o700))
				}
				must(t, os.Mkdir(filepath.Join(hosts, "harbor.example.com"), 0o700))
				must(t, os.WriteFile(filepath.Join(hosts, "harbor.example.com/hosts.toml"), []byte(spegelHosts("https://harbor.example.com")), 0o600))
			},
			node.Fail, "9901 more folders were not read",
		},
		"a name that would run a command": {
			func(t *testing.T, hosts string) {
				t.Helper()
				dir := filepath.Join(hosts, "$(reboot);'x y.example.com")
				must(t, os.Mkdir(dir, 0o700))
				must(t, os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte("server ="), 0o600))
			},
			node.Warn, `fix or remove the file: '/etc/containerd/certs.d/$(reboot);'\''x y.example.com/hosts.toml'`,
		},
		"a name with a line break and an escape": {
			func(t *testing.T, hosts string) {
				t.Helper()
				dir := filepath.Join(hosts, "a\nPASS \x1b[31m")
				must(t, os.Mkdir(dir, 0o700))
				must(t, os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte("server ="), 0o600))
			},
			node.Warn, "certs.d/a_PASS__[31m/hosts.toml: line 1",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := content{certs: ""}.dir(t)
			test.make(t, filepath.Join(root, certs))
			results := examine(t, node.Options{
				Files: openRoot(t, root), Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/app:v1",
				Dial: nowhere, Lookup: unknown,
			})
			want(t, results["mirror-config"], test.status, test.says)
			for _, r := range results {
				if strings.ContainsAny(strings.ReplaceAll(printed(r), "\n", ""), "\x1b\x00") {
					t.Errorf("%s prints control characters: %q", r.Check, r.Evidence)
				}
			}
		})
	}
}

// A report is to be read by a person, whatever a node holds.
func TestLongEvidenceIsCut(t *testing.T) {
	t.Parallel()
	c := content{}
	for i := range 60 {
		c[fmt.Sprintf("%sa%d.example.org/hosts.toml", certs, i)] = spegelHosts("")
	}
	r := examine(t, node.Options{Files: c.root(t), Registries: registries(t, "*.example.org"), Dial: nowhere, Lookup: unknown})["mirror-config"]
	want(t, r, node.Fail, "(38 more lines like these are left out here)", "sends containerd to Spegel")
	if len(r.Evidence) > 26 || strings.Count(r.Fix, "\n") > 26 {
		t.Errorf("%d lines of evidence, fix:\n%s", len(r.Evidence), r.Fix)
	}
}

func TestForbiddenFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		// root may read all; through talosctl the same answer comes as text
		program := filepath.Join(t.TempDir(), "talosctl")
		must(t, os.WriteFile(program, []byte("#!/bin/sh\necho 'rpc error: code = PermissionDenied desc = not authorized' >&2\nexit 1\n"), 0o700))
		files, err := node.NewTalos(program, "10.0.0.1")
		must(t, err)
		results := examine(t, node.Options{Files: files, Lookup: unknown, Dial: nowhere})
		want(t, results["mirror-config"], node.Skip, "may not be read: permission denied")
		want(t, results["stale-ingests"], node.Skip, "may not be read", "use a talosconfig with the role os:admin")
		return
	}
	root := content{certs: "", ingest: ""}.dir(t)
	for _, dir := range []string{certs, ingest} {
		must(t, os.Chmod(filepath.Join(root, dir), 0))
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, dir), 0o700) }) // so that it can be removed
	}
	results := examine(t, node.Options{Files: openRoot(t, root)})
	want(t, results["mirror-config"], node.Skip, "may not be read: permission denied")
	want(t, results["stale-ingests"], node.Skip, "may not be read", "run doctor as root")
}

// What doctor can't read, containerd may: that is no failure, and no pass either.
func TestUnreadIsNotJudged(t *testing.T) {
	t.Parallel()
	const dir = certs + "harbor.example.com/"
	for name, test := range map[string]struct {
		content            content
		link               string
		mirror, resolution node.Status
	}{
		"a folder that leads out":        {content{certs: ""}, "harbor.example.com", node.Warn, node.Skip},
		"an authority that does":         {content{dir + "hosts.toml": "server = 'https://harbor.example.com'\nca = 'ca.crt'\n"}, "harbor.example.com/ca.crt", node.Warn, node.Skip},
		"an authority that is not there": {content{dir + "hosts.toml": "server = 'https://harbor.example.com'\nca = 'ca.crt'\n"}, "x", node.Warn, node.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := test.content.dir(t)
			must(t, os.Symlink(t.TempDir(), filepath.Join(root, certs, test.link)))
			server := privateRegistry(t)
			results := examine(t, node.Options{
				Files: openRoot(t, root), Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/a:1",
				Dial: to(server.Listener.Addr().String()), Lookup: unknown,
			})
			want(t, results["mirror-config"], test.mirror)
			want(t, results["resolution"], test.resolution)
			if got := results["reachability"]; got.Status == node.Pass {
				t.Errorf("reachability passes: %q", got.Evidence)
			}
		})
	}
}

// With an empty config_path some versions of containerd are blind for the directory that Spegel wrote, and others are not.
func TestNoConfigPath(t *testing.T) {
	t.Parallel()
	c := content{
		certs + "_default/hosts.toml": spegelHosts(""),
		"etc/containerd/config.toml":  "version = 3\n[plugins.x]\nregistry = 1\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = ''\n",
	}
	results := examine(t, node.Options{Files: c.root(t), Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/a:1", Dial: nowhere, Lookup: unknown})
	want(t, results["mirror-config"], node.Warn, "containerd's default, as /etc/containerd/config.toml names no config_path", "_default/hosts.toml sends containerd to Spegel",
		"that is so since containerd 2.2; without a config_path an older one reads no hosts directory at all")
	want(t, results["resolution"], node.Warn, "through Spegel, then the registry", "that is so since containerd 2.2")
	for _, config := range []string{"version = 2\n", "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = 'pause'\n", "[plugins.cri]\n"} {
		c["etc/containerd/config.toml"] = config
		results := judge(t, c.root(t))
		want(t, results["mirror-config"], node.Warn, "_default/hosts.toml sends containerd to Spegel", "without a config_path an older one reads no hosts directory at all")
		want(t, results["resolution"], node.Warn, "that is so since containerd 2.2")
		results = examine(t, node.Options{
			Files: c.root(t), Cluster: cluster(spegelSet(nil, map[string]string{"node-1": "new"})...), Registries: registries(t, private), Image: private + "/a:1", Dial: nowhere, Lookup: unknown,
		})
		want(t, results["mirror-config"], node.Fail, "as Spegel is told")
	}
}

func TestBadBundles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data []byte
		says string
	}{
		"empty":             {nil, "holds no files of a node"},
		"no archive":        {[]byte("hello, this is a text of some length"), "unexpected EOF"},
		"a cut tar.gz":      {gzipped(t, sick().tar(t))[:200], "unexpected EOF"},
		"a cut zip":         {sick().zip(t, "n")[:200], "zip: not a valid zip file"},
		"nothing of a node": {content{"readme.txt": "x"}.tar(t), "holds no files of a node"},
		"a name outside":    {content{"../etc/containerd/x": "x", "etc/hostname": "node-1"}.tar(t), "leads out of it"},
		"another, of a zip": {content{"etc/x/../../../../y": "x", "etc/hostname": "node-1"}.zip(t, "node-1"), "leads out of it"},
		"of Windows' names": {content{`node-1\etc\containerd\certs.d\_default\hosts.toml`: "x"}.zip(t, "node-1"), "holds no files of a node"},
		"too much":          {muchConfiguration(t), "bytes of what is looked at"},
		"a gzip bomb":       {bomb(t), "unpacks to more than"},
		"deep names":        {gzipped(t, content{"etc/" + strings.Repeat("a/", 2000) + "x": "x"}.tar(t)), "is more than 64 folders deep"},
		"implied folders":   {manyNames(t, 4000, func(i int) string { return fmt.Sprintf("etc/%d/", i) + strings.Repeat("a/", 60) + "x" }), "files and folders"},
		"many nodes":        {manyNames(t, 501, func(i int) string { return fmt.Sprintf("n%d/etc/hosts", i) }), "holds more than 500 nodes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := bundle(t, test.data)
			if err == nil || !contains(err.Error(), test.says) {
				t.Errorf("%d nodes, %v; want %q", len(files), err, test.says)
			}
		})
	}
}

// manyNames is a tar.gz of empty files.
func manyNames(t *testing.T, n int, name func(i int) string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := range n {
		must(t, w.WriteHeader(&tar.Header{Name: name(i), Mode: 0o600}))
	}
	must(t, w.Close())
	return gzipped(t, buf.Bytes())
}

// muchConfiguration is a tar.gz with 130 MiB of what may be configuration.
func muchConfiguration(t *testing.T) []byte {
	t.Helper()
	c := content{"etc/hostname": "node-1\n"}
	for i := range 130 {
		c[fmt.Sprintf("etc/alternatives/%02d", i)] = strings.Repeat("x", 1<<20)
	}
	return gzipped(t, c.tar(t))
}

// bomb is a small tar.gz with a member of 2 GiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	piece := gzipped(t, make([]byte, 64<<20)) // gzip files may be put one after the other
	head := &bytes.Buffer{}
	w := tar.NewWriter(head)
	must(t, w.WriteHeader(&tar.Header{Name: "etc/zero", Mode: 0o600, Size: 2 << 30}))
	return append(gzipped(t, head.Bytes()), bytes.Repeat(piece, 20)...)
}

// A zip may say less than it unpacks to, and holds names that no file system has.
func TestBundleKeepsToItself(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, data := range map[string]string{
		"node-1/etc/containerd/certs.d/_default/hosts.toml": spegelHosts(""),
		"node-1/etc/containerd/certs.d/big/hosts.toml":      strings.Repeat("#", 2<<20),
		"/node-1/etc/hosts": "127.0.0.1 localhost",
	} {
		f, err := w.Create(name)
		must(t, err)
		_, err = io.WriteString(f, data)
		must(t, err)
	}
	link := &zip.FileHeader{Name: "node-1/etc/containerd/certs.d/link"}
	link.SetMode(os.ModeSymlink | 0o777)
	f, err := w.CreateHeader(link)
	must(t, err)
	_, err = io.WriteString(f, "../../../../../etc")
	must(t, err)
	must(t, w.Close())
	files := oneBundle(t, buf.Bytes())
	results := examine(t, node.Options{Files: files})
	want(t, results["mirror-config"], node.Fail, "_default/hosts.toml sends", "big/hosts.toml is too large", "link/hosts.toml is not part of what could be read")
	for _, name := range []string{"/etc/passwd", "/x", "/etc/containerd/certs.d/link/passwd"} {
		if data, err := files.ReadFile(t.Context(), name, 100); err == nil {
			t.Errorf("%s holds %q", name, data)
		}
	}
}

// A node may have a folder that looks like a root.
func TestFolderOfANodeIsNoNode(t *testing.T) {
	t.Parallel()
	one := content{"etc/hostname": "node-1\n", certs + "_default/hosts.toml": spegelHosts(""), "data/etc/hosts": "", "data/./etc/containerd/x": ""}
	files := oneBundle(t, one.tar(t))
	if files.Node() != "node-1" {
		t.Errorf("it is %s", files.Node())
	}
	two, err := bundle(t, content{"node-1/etc/hosts": "", "node-2/etc/hosts": ""}.tar(t))
	if err != nil || len(two) != 2 {
		t.Errorf("%d nodes, %v; want 2", len(two), err)
	}
}
