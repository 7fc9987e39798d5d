package node_test

import (
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// What registry.mirrors of older configurations says counts where config_path is empty.
func TestRegistryMirrors(t *testing.T) {
	t.Parallel()
	const spegel, version2, version3 = "'http://192.0.2.11:30020'", "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry", "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry"
	entry := func(head, registry, endpoints string) string {
		return head + ".mirrors.'" + registry + "']\nendpoint = [" + endpoints + "]\n"
	}
	const deprecated = "containerd reads no hosts directory: /etc/containerd/config.toml sets registry.mirrors, which is deprecated, for "
	for name, test := range map[string]struct {
		config             string
		mirror, resolution node.Status
		says, order        string
	}{
		"of version 2":            {entry(version2, private, spegel), node.Fail, node.Fail, `registry.mirrors sends containerd to Spegel ("http://192.0.2.11:30020") for private registry ` + private, "1. http://192.0.2.11:30020/v2, which is Spegel"},
		"of version 3":            {entry(version3, private, spegel), node.Fail, node.Fail, "take Spegel out of registry.mirrors of containerd's configuration", "through Spegel, then the registry, and " + private + " is private"},
		"of version 1":            {entry("[plugins.cri.registry", private, spegel), node.Fail, node.Fail, deprecated, "as registry.mirrors of /etc/containerd/config.toml says"},
		"for all":                 {entry(version2, "*", spegel), node.Fail, node.Fail, "for every registry that it does not name, the private ones included", "which is Spegel"},
		"for another":             {entry(version2, "docker.io", spegel), node.Warn, node.Pass, deprecated + `"docker.io" ("http://192.0.2.11:30020")`, "1. https://" + private + "/v2"},
		"the registry itself":     {entry(version2, private, "'https://"+private+"'"), node.Warn, node.Pass, deprecated, "1. https://" + private + "/v2\ndirect: Spegel is not asked"},
		"somebody else's, no URL": {entry(version2, private, "'mirror.example.com/a'"), node.Warn, node.Pass, `("https://mirror.example.com/a")`, "1. https://mirror.example.com/a\n  2. https://" + private + "/v2"},
		"where the config_path of version 3 is": {
			"version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = ''\n[plugins.'io.containerd.cri.v1.images'.registry.mirrors.'" + private + "']\nendpoint = [" + spegel + "]\n",
			node.Fail, node.Fail, deprecated, "which is Spegel",
		},
		"beside a config_path": {
			listed("/etc/containerd/certs.d") + "[plugins.'io.containerd.cri.v1.images'.registry.mirrors.'" + private + "']\nendpoint = [" + spegel + "]\n",
			node.Warn, node.Pass, "/etc/containerd/config.toml has registry.mirrors and config_path, which containerd refuses", "direct",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := judge(t, content{"etc/hostname": "node-1\n", "etc/containerd/config.toml": test.config, certs: ""}.root(t))
			want(t, results["mirror-config"], test.mirror, test.says)
			want(t, results["resolution"], test.resolution, test.order)
		})
	}
}

// A config_path that is relative leads to wherever containerd was started.
func TestRelativeConfigPath(t *testing.T) {
	t.Parallel()
	for _, dirs := range []string{"etc/containerd/certs.d", "certs.d:/etc/containerd/certs.d", "/etc/containerd/certs.d:certs.d"} {
		c := content{"etc/hostname": "node-1\n", "etc/containerd/config.toml": listed(dirs), certs: ""}
		results := judge(t, c.root(t))
		want(t, results["mirror-config"], node.Warn, "certs.d (as /etc/containerd/config.toml says), which is relative to the folder that containerd was started in", "from the root")
		want(t, results["resolution"], node.Skip, "certs.d is relative to")
	}
}
