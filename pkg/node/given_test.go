package node_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

const private = "harbor.example.com"

func judge(t *testing.T, files node.Files) map[string]node.Result {
	t.Helper()
	return examine(t, options{Files: files, Registries: registries(t, private), Image: private + "/a:1", Dial: nowhere, Lookup: unknown})
}

// The file systems of a machine are mounted on one another, as those of a node are below the root of a pod.
func TestWhatWasMounted(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, root, name string) string {
		t.Helper()
		_, err := openRoot(t, root).ReadDir(context.Background(), name)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s below %s: %v", name, root, err)
		}
		return err.Error()
	}
	const given, left = "file does not exist", "is not part of what could be read: file does not exist"
	for _, test := range []struct{ root, name, want string }{
		{"/", "/no such folder/certs.d", given},
		{"/sys", "/no such folder/certs.d", given},
		{"/sys/fs", "/no such folder/certs.d", left},
		{"/sys/fs", "/no such folder", left},
		{"/sys/fs", "/cgroup/no such folder/certs.d", given},
	} {
		if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || !strings.Contains(string(mounts), " /sys/fs/cgroup ") {
			t.Skip("nothing is mounted at /sys/fs/cgroup")
		}
		if got := read(t, test.root, test.name); got != test.want {
			t.Errorf("%s below %s: %s; want %s", test.name, test.root, got, test.want)
		}
	}
}

// A config_path that was not handed over is no directory that the node lacks.
func TestHostsDirectoryThatWasNotHandedOver(t *testing.T) {
	t.Parallel()
	const left = "is not part of what could be read"
	for name, test := range map[string]struct {
		path               string
		more               content
		mirror, resolution node.Status
		says               string
	}{
		"in a folder that is not there":          {"/opt/certs.d", nil, node.Skip, node.Skip, "/opt/certs.d (as /etc/containerd/config.toml says) " + left},
		"two folders deep":                       {"/etc/foo/certs.d", nil, node.Skip, node.Skip, left},
		"on the way to another folder":           {"/var/lib/certs.d", content{"var/lib/containerd/x": ""}, node.Skip, node.Skip, left},
		"beside what is there":                   {"/etc/containerd/certs.d", nil, node.Pass, node.Pass, "does not exist"},
		"the second of two":                      {"/etc/containerd/certs.d:/opt/certs.d", content{certs: ""}, node.Warn, node.Skip, "hosts directory 2 of 2 is /opt/certs.d (as /etc/containerd/config.toml says), which " + left},
		"the second of two, and the first knows": {"/etc/containerd/certs.d:/opt/certs.d", content{certs + private + "/hosts.toml": "server = 'https://" + private + "'\n"}, node.Warn, node.Pass, left},
		"the first of two":                       {"/opt/certs.d:/etc/containerd/certs.d", content{certs + "_default/hosts.toml": spegelHosts("")}, node.Fail, node.Skip, left},
	} {
		c := content{"etc/hostname": "node-1\n", "etc/containerd/config.toml": listed(test.path)}
		maps.Copy(c, test.more)
		for how, open := range map[string]func() node.Files{
			"folder": func() node.Files { return c.root(t) },
			"tar":    func() node.Files { return oneBundle(t, only(t, c.tar(t), "etc/containerd", "var/lib/containerd")) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				results := judge(t, open())
				want(t, results["mirror-config"], test.mirror, test.says)
				want(t, results["resolution"], test.resolution)
			})
		}
	}
}

// What was not handed over of containerd's configuration may name another directory.
func TestConfigurationThatWasNotHandedOver(t *testing.T) {
	t.Parallel()
	const config, k3s = "/etc/containerd/config.toml", "/var/lib/rancher/k3s/agent/etc/containerd/config.toml"
	for name, test := range map[string]struct {
		content content
		given   string
		status  node.Status
		says    string
	}{
		"a link to it":                {content{certs: "", config[1:]: linkTo("/usr/share/containerd/config.toml")}, "etc/containerd", node.Warn, "so a config_path is not known"},
		"a link to its folder":        {content{certs: "", k3s[1 : len(k3s)-len("/config.toml")]: linkTo("/srv/k3s")}, "etc/containerd", node.Warn, "so a config_path is not known"},
		"the hosts directory alone":   {content{certs: ""}, "etc/containerd/certs.d", node.Warn, "so a config_path is not known: without one, containerd 2.2"},
		"that of k3s alone":           {content{k3s[1:len(k3s)-len("config.toml")] + "certs.d/ghcr.io/ca.crt": "x", certs: ""}, "etc/containerd", node.Warn, "so a config_path is not known"},
		"there is none":               {content{certs: ""}, "etc/containerd", node.Warn, "so a config_path is not known"},
		"a link to what is not there": {content{certs: "", config[1:]: linkTo("gone")}, "etc/containerd", node.Warn, "so a config_path is not known"},
	} {
		test.content[certs+"ghcr.io/hosts.toml"] = "server = 'https://ghcr.io'\n"
		test.content["etc/hostname"], test.content[beside] = "node-1\n", ""
		for how, open := range map[string]func() node.Files{
			"folder": func() node.Files {
				root := test.content.dir(t)
				if strings.HasSuffix(test.given, "certs.d") {
					must(t, os.Remove(filepath.Join(root, beside)))
				}
				return openRoot(t, root)
			},
			"tar": func() node.Files { return oneBundle(t, only(t, test.content.tar(t), test.given)) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				results := judge(t, open())
				want(t, results["mirror-config"], test.status, test.says)
				want(t, results["resolution"], test.status, test.says)
			})
		}
	}
}

// Where nothing tells which containerd a node runs, no report names the folder of a distribution that is not there.
func TestNoPlaceIsNamedForANodeWithoutConfiguration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content content
		says    string
	}{
		"nothing of containerd":        {content{"etc/hostname": "node-1\n"}, "/etc/containerd/certs.d is not part of what could be read"},
		"a folder without a directory": {content{beside: "{}"}, "/etc/containerd/certs.d is not part of what could be read"},
	} {
		for how, open := range map[string]func() node.Files{
			"folder": func() node.Files { return test.content.root(t) },
			"tar":    func() node.Files { return oneBundle(t, only(t, test.content.tar(t), "etc/containerd")) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				results := judge(t, open())
				want(t, results["mirror-config"], node.Skip)
				want(t, results["resolution"], node.Skip)
				want(t, results["reachability"], results["reachability"].Status, test.says)
				for _, r := range results {
					if text := strings.Join(r.Evidence, "\n"); strings.Contains(text, "/etc/cri/") || strings.Contains(text, "/k3s/") {
						t.Errorf("%s: %s", r.Check, text)
					}
				}
			})
		}
	}
}

// Of a folder elsewhere to which a link leads, only a part may have been handed over.
func TestHostsFileThatWasNotHandedOver(t *testing.T) {
	t.Parallel()
	c := content{
		"etc/hostname": "node-1\n", "etc/containerd/config.toml": listed("/etc/containerd/certs.d"),
		certs + "_default": linkTo("/srv/default"), "srv/default/ca.crt": "x",
	}
	results := judge(t, oneBundle(t, only(t, c.tar(t), "etc/containerd")))
	const says = "/etc/containerd/certs.d/_default/hosts.toml is not part of what could be read"
	want(t, results["mirror-config"], node.Warn, says)
	want(t, results["resolution"], node.Skip, says)
}

// only is an archive without the folders that lie outside of those named, as tar makes it of these names.
func only(t *testing.T, data []byte, names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			must(t, w.Close())
			return buf.Bytes()
		}
		must(t, err)
		named := h.Typeflag != tar.TypeDir
		for _, name := range names {
			named = named || strings.HasPrefix(h.Name, "./"+name+"/")
		}
		if named {
			must(t, w.WriteHeader(h))
			_, err := io.Copy(w, r)
			must(t, err)
		}
	}
}

// Of an archive that names one file it is not known what else its folder has.
func TestOneFileIsNoFolder(t *testing.T) {
	t.Parallel()
	c := content{"etc/containerd/config.toml": listed("/etc/containerd/certs.d")}
	results := judge(t, oneBundle(t, only(t, c.tar(t))))
	want(t, results["mirror-config"], node.Skip, "/etc/containerd/certs.d (as /etc/containerd/config.toml says) is not part of what could be read")
	want(t, results["resolution"], node.Skip, "is not part of what could be read")
}

// A file that an archive holds and doctor does not keep is none that the node lacks.
func TestFileThatWasNotKept(t *testing.T) {
	t.Parallel()
	c := content{certs + private + "/hosts.toml": "server = 'https://" + private + "'\nca = '/opt/authority'\n", "opt/authority": "x"}
	want(t, judge(t, oneBundle(t, c.tar(t)))["resolution"], node.Skip, "/opt/authority is not part of what could be read")
	delete(c, "opt/authority")
	c["opt/"] = ""
	want(t, judge(t, oneBundle(t, c.tar(t)))["resolution"], node.Fail, "/opt/authority")
}

// A hosts file may lead to certificates that lie elsewhere. One that was not handed over is no mistake in it.
func TestCertificatesOfAHostsFile(t *testing.T) {
	t.Parallel()
	const agent = "var/lib/rancher/k3s/agent/"
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: privateRegistry(t).Certificate().Raw})
	for _, name := range []string{"opt/ca.crt", "srv/tls/authority.pem", agent + "server-ca.crt"} {
		for how, open := range map[string]func(content) node.Files{
			"folder": func(c content) node.Files { return c.root(t) },
			"tar":    func(c content) node.Files { return oneBundle(t, only(t, c.tar(t), "etc/containerd")) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				c := content{certs + private + "/hosts.toml": "server = 'https://" + private + "'\nca = '/" + name + "'\n", "etc/hostname": "node-1\n"}
				results := judge(t, open(c))
				want(t, results["resolution"], node.Skip, name+" is not part of what could be read")
				want(t, results["mirror-config"], node.Warn, "hand over /"+name+" of the node too, or run doctor there")
				if fix := results["mirror-config"].Fix; strings.Contains(fix, "fix what") {
					t.Errorf("there is nothing to fix: %s", fix)
				}
				c[name] = string(authority)
				results = judge(t, open(c))
				want(t, results["resolution"], node.Pass)
				want(t, results["mirror-config"], node.Pass)
				c[name] = "x"
				want(t, judge(t, open(c))["mirror-config"], node.Warn, "fix what the hosts file names: /etc/containerd/certs.d/"+private+"/hosts.toml")
			})
		}
	}
}
