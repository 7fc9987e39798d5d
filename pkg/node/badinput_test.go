package node_test

import (
	"fmt"
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
		"a named pipe in place of a folder": {
			func(t *testing.T, hosts string) {
				t.Helper()
				must(t, syscall.Mkfifo(filepath.Join(hosts, "harbor.example.com"), 0o600))
			},
			node.Warn, "harbor.example.com is not a folder",
		},
		"a file in place of a folder": {
			func(t *testing.T, hosts string) {
				t.Helper()
				must(t, os.WriteFile(filepath.Join(hosts, "_default"), nil, 0o600))
			},
			node.Warn, "_default is not a folder",
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
		"a value of another type":              {badHosts("server = 'https://x'\nheader = 'Basic c2VjcmV0'\n"), node.Warn, "line 2, column 10: toml: cannot decode TOML string into header; containerd ignores"},
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
		"1,000 folders, and Spegel in one of them": {
			func(t *testing.T, hosts string) {
				t.Helper()
				for i := range 1_000 {
					must(t, os.Mkdir(filepath.Join(hosts, fmt.Sprintf("a%d.example.net", i)), 0o700))
				}
				must(t, os.Mkdir(filepath.Join(hosts, "harbor.example.com"), 0o700))
				must(t, os.WriteFile(filepath.Join(hosts, "harbor.example.com/hosts.toml"), []byte(spegelHosts("https://harbor.example.com")), 0o600))
			},
			node.Fail, "901 more folders were not read",
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
			results := examine(t, options{
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

// An error names a file as the node has it, and advice names no file that is not there.
func TestCertificatesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, c := range []content{{certs + private + "/ca.crt": "x"}, {certs + private + "/ca.crt": "x", certs + private + "/hosts.toml": ""}} {
		results := judge(t, c.root(t))
		for check, status := range map[string]node.Status{"mirror-config": node.Warn, "resolution": node.Fail} {
			want(t, results[check], status, `unable to load CA cert "/etc/containerd/certs.d/`+private+`/ca.crt"`, "fix what is there, or remove it: /etc/containerd/certs.d/"+private)
			if contains(printed(results[check]), "hosts.toml") {
				t.Error(printed(results[check]))
			}
		}
	}
}

// A report is to be read by a person, whatever a node holds.
func TestLongEvidenceIsCut(t *testing.T) {
	t.Parallel()
	c := content{}
	for i := range 60 {
		c[fmt.Sprintf("%sa%d.example.org/hosts.toml", certs, i)] = spegelHosts("")
	}
	r := examine(t, options{Files: c.root(t), Registries: registries(t, "*.example.org"), Dial: nowhere, Lookup: unknown})["mirror-config"]
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
		results := examine(t, options{Files: files, Lookup: unknown, Dial: nowhere})
		want(t, results["mirror-config"], node.Skip, "may not be read: permission denied")
		want(t, results["stale-ingests"], node.Skip, "may not be read", "talosconfig with the role os:admin")
		return
	}
	root := content{certs: "", ingest: ""}.dir(t)
	for _, dir := range []string{certs, ingest} {
		must(t, os.Chmod(filepath.Join(root, dir), 0))
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, dir), 0o700) }) // so that it can be removed
	}
	results := examine(t, options{Files: openRoot(t, root)})
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
			results := examine(t, options{
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
	results := examine(t, options{Files: c.root(t), Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/a:1", Dial: nowhere, Lookup: unknown})
	want(t, results["mirror-config"], node.Warn, "containerd's default, as /etc/containerd/config.toml names no config_path", "_default/hosts.toml sends containerd to Spegel",
		"that is so since containerd 2.2; without a config_path an older one reads no hosts directory at all")
	want(t, results["resolution"], node.Warn, "through Spegel, then the registry", "that is so since containerd 2.2")
	other := content{certs + "ghcr.io/hosts.toml": spegelHosts(""), "etc/containerd/config.toml": c["etc/containerd/config.toml"], "etc/docker/certs.d/ghcr.io/ca.crt": "x"}
	want(t, judge(t, other.root(t))["mirror-config"], node.Warn, "that is so since containerd 2.2")
	want(t, judge(t, other.root(t))["resolution"], node.Pass, "direct: Spegel is not asked") // whichever containerd it is
	for _, config := range []string{"version = 2\n", "version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = 'pause'\n", "version = 2\n[plugins.cri.registry]\nconfig_path = '/opt/hosts'\n", "[plugins.cri]\n"} {
		c["etc/containerd/config.toml"] = config
		results := judge(t, c.root(t))
		want(t, results["mirror-config"], node.Warn, "_default/hosts.toml sends containerd to Spegel", "without a config_path an older one reads no hosts directory at all")
		want(t, results["resolution"], node.Warn, "that is so since containerd 2.2")
		results = examine(t, options{
			Files: c.root(t), Cluster: cluster(spegelSet(nil, map[string]string{"node-1": "new"})...), Registries: registries(t, private), Image: private + "/a:1", Dial: nowhere, Lookup: unknown,
		})
		want(t, results["mirror-config"], node.Fail, "as Spegel is told")
	}
}
