package node_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// listed is a configuration of containerd's with these directories.
func listed(configPath string) string {
	return "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '" + configPath + "'\n"
}

// byContainerd is the folder that containerd's CRI service takes, as it puts together its own exported function.
func byContainerd(t *testing.T, root, host string, dirs ...string) string {
	t.Helper()
	for _, dir := range dirs {
		folder, _ := config.HostDirFromRoot(filepath.Join(root, dir))(host)
		if folder != "" {
			return strings.TrimPrefix(folder, root)
		}
	}
	return ""
}

// Of several directories the first one decides that has a folder for the registry, or a _default.
func TestSeveralHostsDirectories(t *testing.T) {
	t.Parallel()
	const first, second, direct = "etc/containerd/certs.d/", "etc/docker/certs.d/", "server = 'https://harbor.example.com'\n"
	for name, test := range map[string]struct {
		content            content
		image              string
		folder             string
		mirror, resolution node.Status
		says               string // of mirror-config
	}{
		"the registry is in the first": {
			content{first + "harbor.example.com/hosts.toml": direct, second + "harbor.example.com/hosts.toml": spegelHosts("")}, "harbor.example.com/a:1",
			"/etc/containerd/certs.d/harbor.example.com", node.Warn, node.Pass, "1 folders of /etc/docker/certs.d are never read",
		},
		"the registry is in the second": {
			content{first + "ghcr.io/hosts.toml": spegelHosts(""), second + "harbor.example.com/hosts.toml": spegelHosts("")}, "harbor.example.com/a:1",
			"/etc/docker/certs.d/harbor.example.com", node.Fail, node.Fail, "/etc/docker/certs.d/harbor.example.com/hosts.toml sends containerd to Spegel",
		},
		"a _default in the first goes before the registry in the second": {
			content{first + "_default/hosts.toml": spegelHosts(""), second + "harbor.example.com/hosts.toml": direct}, "harbor.example.com/a:1",
			"/etc/containerd/certs.d/_default", node.Fail, node.Fail, "until then, on this node: rm -r /etc/containerd/certs.d/_default",
		},
		"a _default in the second": {
			content{first: "", second + "_default/hosts.toml": spegelHosts("")}, "harbor.example.com/a:1",
			"/etc/docker/certs.d/_default", node.Fail, node.Fail, "until then, on this node: rm -r /etc/docker/certs.d/_default",
		},
		"a port in the way that Docker writes it": {
			content{first + "harbor.example.com_8443_/hosts.toml": "", second + "harbor.example.com:8443/hosts.toml": spegelHosts("")}, "harbor.example.com:8443/a:1",
			"/etc/containerd/certs.d/harbor.example.com_8443_", node.Warn, node.Pass, "1 folders of /etc/docker/certs.d are never read",
		},
		"the first is not there": {
			content{second + "harbor.example.com/hosts.toml": spegelHosts("")}, "harbor.example.com/a:1",
			"/etc/docker/certs.d/harbor.example.com", node.Fail, node.Fail, "hosts directory 1 of 2 is /etc/containerd/certs.d (as /etc/containerd/config.toml says), which does not exist",
		},
		"none has it": {
			content{first + "ghcr.io/hosts.toml": spegelHosts(""), second: ""}, "harbor.example.com/a:1", "", node.Warn, node.Pass, "hosts directory 2 of 2 is /etc/docker/certs.d",
		},
		"nothing is in them": {content{first: "", second: ""}, "harbor.example.com/a:1", "", node.Pass, node.Pass, "with 0 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.content["etc/containerd/config.toml"] = listed("/etc/containerd/certs.d:/etc/docker/certs.d")
			root := test.content.dir(t)
			host, _, _ := strings.Cut(test.image, "/")
			if folder := byContainerd(t, root, host, first, second); folder != test.folder {
				t.Fatalf("containerd takes %q; the test says %q", folder, test.folder)
			}
			results := examine(t, options{Files: openRoot(t, root), Registries: registries(t, "harbor.example.com"), Image: test.image, Dial: nowhere, Lookup: unknown})
			want(t, results["mirror-config"], test.mirror, test.says)
			why := "no folder of the hosts directory is for it"
			if test.folder != "" {
				why = "as " + test.folder + " says"
			}
			want(t, results["resolution"], test.resolution, why)
		})
	}
}

// A list is one more thing to get wrong, and containerd's versions differ.
func TestAListOfDirectoriesIsAWarning(t *testing.T) {
	t.Parallel()
	c := content{"etc/containerd/config.toml": listed("/etc/containerd/certs.d:/etc/docker/certs.d"), certs + "ghcr.io/hosts.toml": spegelHosts("https://ghcr.io")}
	want(t, examine(t, options{Files: c.root(t)})["mirror-config"], node.Warn, "containerd 2.1 to 2.4 pull through the transfer service, which takes the list of directories for the name of one", "set use_local_image_pull = true", "systemctl restart containerd")
	c["etc/containerd/config.toml"] = listed("/etc/containerd/certs.d:") // a name that no folder has
	want(t, examine(t, options{Files: c.root(t)})["mirror-config"], node.Warn, "set use_local_image_pull = true")
	c["etc/containerd/config.toml"] = listed("/etc/containerd/certs.d")
	want(t, examine(t, options{Files: c.root(t)})["mirror-config"], node.Pass, "the hosts directory is /etc/containerd/certs.d (as /etc/containerd/config.toml says)")
}

// Spegel writes, and containerd looks elsewhere.
func TestSpegelWritesElsewhere(t *testing.T) {
	t.Parallel()
	c := content{
		"etc/hostname": "node-1\n", "etc/containerd/config.toml": listed("/opt/hosts"), "opt/hosts/": "",
		certs + "_default/hosts.toml": spegelHosts(""),
	}
	results := examine(t, options{
		Files: c.root(t), Cluster: cluster(spegelSet(nil, map[string]string{"node-1": "new"})...), Registries: registries(t, "harbor.example.com"),
		Image: "harbor.example.com/a:1", Dial: nowhere, Lookup: unknown,
	})
	want(t, results["mirror-config"], node.Warn, "the hosts directory is /opt/hosts (as /etc/containerd/config.toml says)",
		"Spegel is told to write to /etc/containerd/certs.d, and containerd is told to read /opt/hosts", "which is read when containerd starts", "the folders are those of Spegel's list")
	want(t, results["resolution"], node.Pass, "direct: Spegel is not asked")
}

// k3s and RKE2 bring a containerd of their own, with folders of its own; what lies in /etc/containerd is another program's.
func TestDistributionsWithTheirOwnContainerd(t *testing.T) {
	t.Parallel()
	for _, distribution := range []string{"k3s", "rke2"} {
		t.Run(distribution, func(t *testing.T) {
			t.Parallel()
			agent := "var/lib/rancher/" + distribution + "/agent/"
			store := agent + "containerd/io.containerd.content.v1.content/ingest/"
			c := content{
				"etc/containerd/config.toml":                                "version = 2\ndisabled_plugins = ['cri']\n",
				certs + "harbor.example.com/hosts.toml":                     "server = 'https://harbor.example.com'\n",
				agent + "etc/containerd/config.toml":                        "version = 3\nimports = ['/" + agent + "etc/containerd/config-v3.toml.d/*.toml']\nroot = '/" + agent + "containerd'\n",
				agent + "etc/containerd/config-v3.toml.d/registry.toml":     listed("/" + agent + "etc/containerd/certs.d"),
				agent + "etc/containerd/certs.d/_default/hosts.toml":        spegelHosts(""),
				agent + "etc/containerd/certs.d/_backup/quay.io/hosts.toml": "",
				store + "aaaa/ref":                                          "layer-sha256:4bcdff",
				store + "aaaa/data":                                         "x",
				agent + "containerd/containerd.log":                         failedLine("harbor.example.com/a:1", asOf, "not found"),
			}
			for how, files := range map[string]node.Files{"folder": c.root(t), "tar": oneBundle(t, c.tar(t)), "talos": c.talos(t)} {
				results := examine(t, options{
					Files: files, Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/a:1", Dial: nowhere, Lookup: unknown,
					Now: asOfNow,
				})
				want(t, results["mirror-config"], node.Fail, "the hosts directory is /"+agent+"etc/containerd/certs.d (as /"+agent+"etc/containerd/config-v3.toml.d/registry.toml says)",
					"certs.d/_default/hosts.toml sends containerd to Spegel")
				want(t, results["resolution"], node.Fail, "as /"+agent+"etc/containerd/certs.d/_default says")
				want(t, results["stale-ingests"], node.Warn, "download layer-sha256:4bcdff was last written to 1h0m0s ago")
				if how != "talos" { // it has one service's log, whatever its file
					want(t, results["cri-log"], node.Fail, "harbor.example.com/a:1: 1 failed")
				}
			}
			delete(c, agent+"etc/containerd/config.toml")
			delete(c, "etc/containerd/config.toml")
			want(t, examine(t, options{Files: c.root(t), Now: asOfNow})["stale-ingests"], node.Warn, "4bcdff")
			want(t, examine(t, options{Files: c.root(t), Now: asOfNow})["mirror-config"], node.Warn, "/"+agent+"etc/containerd/certs.d (where it usually is)", "so a config_path is not known")
		})
	}
}
