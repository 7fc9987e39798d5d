package node_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/node"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs/talosctl"
)

// sick is a node with something for every check that reads files.
func sick() content {
	const certs = "etc/containerd/certs.d/"
	return content{
		"etc/hostname":                                  "node-1\n",
		"etc/hosts":                                     "127.0.0.1 localhost\n192.0.2.7 harbor.example.com harbor\n",
		"etc/resolv.conf":                               "search lan\nnameserver 192.0.2.1\n",
		"etc/containerd/config.toml":                    "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d'\n",
		certs + "_default/hosts.toml":                   spegelHosts(""),
		certs + "ghcr.io/hosts.toml":                    spegelHosts("https://ghcr.io"),
		certs + "broken.example.com/hosts.toml":         "server = 'https://broken.example.com'\n[host\n",
		certs + "_backup/harbor.example.com/hosts.toml": "server = 'https://harbor.example.com'\nca = 'ca.crt'\n[header]\nAuthorization = 'Basic c2VjcmV0'\n",
		certs + "_backup/harbor.example.com/ca.crt":     "none",
		ingest + "aaaa/ref":                             "layer-sha256:4bcdff",
		ingest + "aaaa/updatedat":                       asOf.Add(-time.Hour).Format(time.RFC3339Nano),
		ingest + "aaaa/data":                            "half a lay",
		ingest + "bbbb/ref":                             "layer-sha256:777777",
		ingest + "bbbb/updatedat":                       asOf.Add(-time.Minute).Format(time.RFC3339Nano),
		"var/log/containerd.log": failedLine("harbor.example.com/team/app:v1", asOf.Add(-time.Minute), "not found") +
			failedLine("docker.io/library/busybox:1", asOf.Add(-time.Minute), "not found"),
	}
}

const ingest = "var/lib/containerd/io.containerd.content.v1.content/ingest/"

// spegelHosts is a hosts file as Spegel writes it since v0.4.
func spegelHosts(server string) string {
	head := ""
	if server != "" {
		head = "server = '" + server + "'\n\n"
	}
	return head + "[host.'http://192.0.2.11:30020']\ncapabilities = ['pull', 'resolve']\ndial_timeout = '200ms'"
}

func failedLine(image string, at time.Time, why string) string {
	return `time="` + at.Format(time.RFC3339Nano) + `" level=error msg="PullImage \"` + image + `\" failed" error="rpc error: code = NotFound desc = failed to pull and unpack image \"` +
		image + `\": failed to resolve reference \"` + image + `\": ` + image + `: ` + why + `"` + "\n"
}

// conformance runs on every kind of Files with the same content: the report must not tell which it was.
func conformance(t *testing.T, open func(*testing.T, content) node.Files) {
	t.Helper()
	t.Run("reads", func(t *testing.T) {
		files := open(t, sick())
		if files.Node() != "node-1" {
			t.Errorf("node %q", files.Node())
		}
		entries, err := files.ReadDir(t.Context(), "/etc/containerd/certs.d")
		must(t, err)
		var names []string
		for _, e := range entries {
			if !e.Type.IsDir() {
				t.Errorf("%s is of type %s", e.Name, e.Type)
			}
			names = append(names, e.Name)
		}
		if diff := cmp.Diff([]string{"_backup", "_default", "broken.example.com", "ghcr.io"}, names); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		entries, err = files.ReadDir(t.Context(), "/"+ingest+"aaaa")
		if err != nil || len(entries) != 3 || entries[0].Name != "data" || entries[0].Size != 10 || !entries[0].ModTime.Equal(asOf.Add(-time.Hour)) {
			t.Errorf("%+v, %v", entries, err)
		}
		data, err := files.ReadFile(t.Context(), "/etc/hostname", 100)
		if string(data) != "node-1\n" || err != nil {
			t.Errorf("%q, %v", data, err)
		}
	})
	t.Run("what can't be read has a reason", func(t *testing.T) {
		files := open(t, sick())
		for name, read := range map[string]func(string) error{
			"ReadFile": func(name string) error { _, err := files.ReadFile(t.Context(), name, 100); return err },
			"ReadDir":  func(name string) error { _, err := files.ReadDir(t.Context(), name); return err },
		} {
			for _, missing := range []string{"/etc/nothing", "/etc/hostname/below", "/none/at/all"} {
				if err := read(missing); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s %s: %v", name, missing, err)
				}
			}
		}
		if _, err := files.ReadFile(t.Context(), "/etc/hostname", 3); err == nil || !strings.Contains(err.Error(), "too large") {
			t.Errorf("a file over the limit: %v", err)
		}
		if _, err := files.ReadFile(t.Context(), "/etc/containerd", 100); err == nil {
			t.Error("a folder was read as a file")
		}
		if _, err := files.ReadDir(t.Context(), "/etc/hostname"); err == nil {
			t.Error("a file was listed")
		}
	})
	t.Run("report", func(t *testing.T) {
		files := open(t, sick())
		log, err := files.Log(t.Context(), 1<<20)
		must(t, err)
		results := examine(t, options{
			Files: files, Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/team/app:v1",
			Now: asOfNow, Dial: nowhere,
		})
		want(t, results["mirror-config"], node.Fail,
			"/etc/containerd/certs.d (as /etc/containerd/config.toml says), with 4 entries",
			`_default/hosts.toml sends containerd to Spegel ("http://192.0.2.11:30020") for every registry`,
			"broken.example.com/hosts.toml: line 2, column",
			"Spegel moved private registry harbor.example.com to /etc/containerd/certs.d/_backup",
			`(server "https://harbor.example.com", ca and header)`)
		want(t, results["resolution"], node.Fail, "1. http://192.0.2.11:30020/v2, which is Spegel", "2. https://harbor.example.com/v2",
			"through Spegel, then the registry, and harbor.example.com is private", "the way back may fail")
		want(t, results["rollout"], node.Skip, "pass --kubeconfig")
		want(t, results["stale-ingests"], node.Warn, "download layer-sha256:4bcdff was last written to 1h0m0s ago", "pull the image again")
		want(t, results["dns"], node.Pass, "harbor.example.com is 192.0.2.7 in the node's /etc/hosts")
		want(t, results["cri-log"], node.Fail, "harbor.example.com/team/app:v1: 1 failed, the last one 1m0s ago", "not found")
		all := report(t, files)
		for _, never := range []string{"c2VjcmV0", "busybox", "777777", log.Source} {
			if strings.Contains(all, never) {
				t.Errorf("the report says %q:\n%s", never, all)
			}
		}
	})
	for name, tree := range trees() {
		if _, calls := open(t, tree).(*talosctl.Node); calls && (strings.Contains(name, "store") || name == "k3s") {
			continue // a process for each file takes its time, and lists of folders are the same there
		}
		t.Run("the same report of "+name, func(t *testing.T) {
			if diff := cmp.Diff(report(t, openRoot(t, tree.dir(t))), report(t, open(t, tree))); diff != "" {
				t.Errorf("differs from what is read below a folder (-folder +this):\n%s", diff)
			}
		})
	}
}

// trees are nodes that a reader may see otherwise than another.
func trees() map[string]content {
	const host = "harbor.example.com"
	all := map[string]content{
		"a sick node": sick(),
		"a store without downloads": {
			"etc/hostname": "node-1\n", ingest: "", "var/lib/containerd/io.containerd.content.v1.content/blobs/sha256/e3b0": "x", certs: "",
		},
		"a store without a folder for downloads": {
			"etc/hostname": "node-1\n", "var/lib/containerd/io.containerd.content.v1.content/x": linkTo("gone"), "etc/containerd/": "",
		},
		"no store": {"etc/hostname": "node-1\n", "var/lib/containerd/other/x": "", certs: ""},
		"downloads without their data": {
			"etc/hostname": "node-1\n", ingest + "aaaa/ref": "layer-sha256:4bcdff", ingest + "aaaa/updatedat": asOf.Add(-time.Hour).Format(time.RFC3339Nano),
			ingest + "bbbb/": "",
		},
		"symbolic links": {
			"etc/hostname": "node-1\n", "etc/resolv.conf": linkTo("../run/systemd/resolve/stub-resolv.conf"), "run/systemd/resolve/stub-resolv.conf": "nameserver 192.0.2.53\n",
			certs + host: linkTo("../shared"), "etc/containerd/shared/hosts.toml": spegelHosts(""), certs + "loop": linkTo("loop"),
		},
		"several directories, and imports": {
			"etc/hostname": "node-1\n", "etc/containerd/config.toml": "version = 3\nimports = ['/etc/containerd/conf.d/*.toml']\n",
			"etc/containerd/conf.d/registry.toml": listed("/etc/containerd/certs.d:/etc/docker/certs.d"), certs + "quay.io/hosts.toml": spegelHosts(""),
			"etc/docker/certs.d/" + host + "/hosts.toml": spegelHosts(""),
		},
		"k3s": {
			"etc/hostname": "node-1\n", k3s + "etc/containerd/config.toml": "version = 3\n" + listed("/" + k3s + "etc/containerd/certs.d")[len("version = 3\n"):],
			k3s + "etc/containerd/certs.d/_default/hosts.toml": spegelHosts(""), k3s + "containerd/io.containerd.content.v1.content/ingest/": "",
		},
	}
	for _, tree := range all { // talosctl always has one
		tree["var/log/containerd.log"] = failedLine(host+"/team/app:v1", asOf, "not found")
	}
	return all
}

const k3s = "var/lib/rancher/k3s/agent/"

// report is all that the checks of files see, except who asked the resolver. What they advise is another thing on Talos.
func report(t *testing.T, files node.Files) string {
	t.Helper()
	results := examine(t, options{
		Files: files, Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/team/app:v1",
		Now: asOfNow, Dial: nowhere, Lookup: unknown,
	})
	var text strings.Builder
	for _, id := range []string{"mirror-config", "resolution", "rollout", "stale-ingests", "dns", "pull-secret", "cri-log"} {
		if id != "dns" { // it fails on the node, and warns elsewhere
			text.WriteString(string(results[id].Status) + "\n")
		}
		text.WriteString(strings.Join(results[id].Evidence, "\n") + "\n")
	}
	return strings.NewReplacer(
		"the resolver of the machine that doctor runs on, not of the node", "the node's resolver", "the node's resolver,", "the node's resolver",
	).Replace(text.String())
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, content) node.Files{
		"folder":  func(t *testing.T, c content) node.Files { t.Helper(); return c.root(t) },
		"talos":   func(t *testing.T, c content) node.Files { t.Helper(); return c.talos(t) },
		"tar":     func(t *testing.T, c content) node.Files { t.Helper(); return oneBundle(t, c.tar(t)) },
		"tar.gz":  func(t *testing.T, c content) node.Files { t.Helper(); return oneBundle(t, gzipped(t, c.tar(t))) },
		"support": func(t *testing.T, c content) node.Files { t.Helper(); return oneBundle(t, c.zip(t, "node-1")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance(t, open)
		})
	}
}

var errNowhere = errors.New("this test has no network")
