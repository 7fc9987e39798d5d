package node_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// What can't be read or used of containerd's configuration is said, and nothing passes or fails on the rest.
func TestConfigurationThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const config, broken = "etc/containerd/config.toml", "version = 3\n[plugins\n"
	imports := func(name string) string {
		return "version = 3\nimports = ['" + name + "']\n" + listed("/etc/containerd/certs.d")[12:]
	}
	for name, test := range map[string]struct {
		content content
		says    string
	}{
		"no TOML":                           {content{config: broken}, "/etc/containerd/config.toml, containerd's configuration, can't be read: is no TOML: line 2, column 9"},
		"no file":                           {content{config + "/": ""}, "/etc/containerd/config.toml, containerd's configuration, is not a regular file"},
		"a link to itself":                  {content{config: linkTo("config.toml")}, "containerd's configuration, is a symbolic link that leads to itself"},
		"that of k3s, beside another":       {content{k3s + "etc/containerd/config.toml": broken, config: listed("/etc/containerd/certs.d")}, "/" + k3s + "etc/containerd/config.toml, containerd's configuration, can't be read"},
		"nested too deep":                   {content{config: "a = " + strings.Repeat("[", 60_000)}, "/etc/containerd/config.toml, containerd's configuration, can't be read: is no TOML: line 1, column 10005"},
		"an import that is nested too deep": {content{config: imports("conf.d/*.toml"), "etc/containerd/conf.d/b.toml": "a.b = " + strings.Repeat("{a = ", 10_000)}, "/etc/containerd/conf.d/b.toml, which containerd's configuration imports, can't be read: is no TOML: line 1"},
		"an import":                         {content{config: imports("conf.d/*.toml"), "etc/containerd/conf.d/b.toml": broken}, "/etc/containerd/conf.d/b.toml, which containerd's configuration imports, can't be read: is no TOML: line 2, column 9"},
		"an import that is not there":       {content{config: imports("/opt/b.toml")}, "/opt/b.toml, which containerd's configuration imports, is not part of what could be read"},
		"a folder that was left out":        {content{config: imports("/opt/*.toml")}, "/opt, from which containerd's configuration imports, is not part of what could be read"},
		"a folder that is a loop":           {content{config: imports("loop/*.toml"), "etc/containerd/loop": linkTo("loop")}, "/etc/containerd/loop, from which containerd's configuration imports, is a symbolic link that leads to itself"},
		"settings of an older version":      {content{config: "version = 3\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/containerd/certs.d'\n"}, "config.toml is of version 3 and has settings of version 2 in io.containerd.grpc.v1.cri, which containerd 2.4 takes and 2.2 does not"},
		"a containerd of Docker's alone":    {content{config: "disabled_plugins = ['cri']\n"}, "/etc/containerd/config.toml turns off the plugin that pulls images for Kubernetes"},
		"turned off by an import":           {content{config: imports("b.toml"), "etc/containerd/b.toml": "version = 3\ndisabled_plugins = ['io.containerd.cri.v1.images']\n"}, "/etc/containerd/b.toml turns off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			passes := content{"etc/hostname": "node-1\n", certs: "", ingest: ""}
			maps.Copy(passes, test.content)
			fails := passes.with(content{certs + private + "/hosts.toml": spegelHosts("https://" + private)})
			for how, files := range map[string]node.Files{
				"folder": passes.root(t), "tar": oneBundle(t, passes.tar(t)), "folder that fails": fails.root(t), "tar that fails": oneBundle(t, fails.tar(t)),
			} {
				results := judge(t, files)
				for _, check := range []string{"mirror-config", "resolution", "stale-ingests"} {
					t.Log(how)
					want(t, results[check], node.Warn, test.says)
					if contains(printed(results[check]), "rm -r /etc/containerd") {
						t.Errorf("it removes what containerd may not read:\n%s", printed(results[check]))
					}
				}
			}
		})
	}
}

// MicroK8s and k0s bring a containerd of their own; that of the node is another program's.
func TestDistributionsWithTheirOwnPlaces(t *testing.T) {
	t.Parallel()
	docker := content{"etc/hostname": "node-1\n", "etc/containerd/config.toml": "disabled_plugins = ['cri']\n", "etc/containerd/certs.d/": ""}
	const snap = "var/snap/microk8s/"
	for name, test := range map[string]struct {
		content content
		status  node.Status
		says    string
	}{
		"MicroK8s": {content{
			snap + "current":                               linkTo("7000"),
			snap + "7000/args/containerd.toml":             listed("/var/snap/microk8s/7000/args/certs.d"),
			snap + "7000/args/certs.d/_default/hosts.toml": spegelHosts(""),
			snap + "common/var/lib/containerd/io.containerd.content.v1.content/ingest/aaaa/ref":    "layer-sha256:4bcdff",
			snap + "common/var/lib/containerd/io.containerd.content.v1.content/ingest/aaaa/data":   "x",
			snap + "common/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256/aaaa1": "x",
		}, node.Fail, "the hosts directory is /var/snap/microk8s/7000/args/certs.d (as /var/snap/microk8s/current/args/containerd.toml says)"},
		"k0s": {content{
			"etc/k0s/containerd.toml":                                                  "version = 3\nimports = ['/run/k0s/containerd-cri.toml']\n",
			"run/k0s/containerd-cri.toml":                                              listed("/etc/k0s/containerd.d/certs.d"),
			"etc/k0s/containerd.d/certs.d/_default/hosts.toml":                         spegelHosts(""),
			"var/lib/k0s/containerd/io.containerd.content.v1.content/ingest/aaaa/ref":  "layer-sha256:4bcdff",
			"var/lib/k0s/containerd/io.containerd.content.v1.content/ingest/aaaa/data": "x",
		}, node.Fail, "the hosts directory is /etc/k0s/containerd.d/certs.d (as /run/k0s/containerd-cri.toml says)"},
		"MicroK8s, without its configuration": {content{
			snap + "current/args/certs.d/_default/hosts.toml": spegelHosts(""), snap + "current/args/kubelet": "", "etc/containerd/config.toml": linkTo("gone"),
			snap + "common/var/lib/containerd/io.containerd.content.v1.content/ingest/aaaa/ref":  "layer-sha256:4bcdff",
			snap + "common/var/lib/containerd/io.containerd.content.v1.content/ingest/aaaa/data": "x",
		}, node.Warn, "the hosts directory is /var/snap/microk8s/current/args/certs.d (where it usually is)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := maps.Clone(docker)
			maps.Copy(c, test.content)
			for how, files := range map[string]node.Files{"folder": c.root(t), "tar": oneBundle(t, c.tar(t))} {
				t.Log(how)
				results := examine(t, options{Files: files, Registries: registries(t, private), Image: private + "/a:1", Dial: nowhere, Lookup: unknown, Now: asOfNow})
				want(t, results["mirror-config"], test.status, test.says, "_default/hosts.toml sends containerd to Spegel")
				want(t, results["resolution"], test.status)
				want(t, results["stale-ingests"], node.Warn, "download layer-sha256:4bcdff was last written to 1h0m0s ago")
			}
		})
	}
}
