package node_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// What registry.mirrors of older configurations says counts where config_path is empty.
func TestRegistryMirrors(t *testing.T) {
	t.Parallel()
	const spegel, version2, version3 = "'http://192.0.2.11:30020'", "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry", "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry"
	entry := func(head, registry string) string {
		return head + ".mirrors.'" + registry + "']\nendpoint = [" + spegel + "]\n"
	}
	const deprecated = "containerd reads no hosts directory, and nothing that Spegel writes: /etc/containerd/config.toml sets registry.mirrors, which is deprecated, for "
	for name, test := range map[string]struct {
		config             string
		mirror, resolution node.Status
		says               string
	}{
		"of version 2": {entry(version2, private), node.Warn, node.Skip, deprecated + private},
		"of version 3": {entry(version3, private), node.Warn, node.Skip, "set config_path in its place"},
		"of version 1": {entry("[plugins.cri.registry", private), node.Warn, node.Skip, deprecated},
		"for all":      {entry(version2, "*"), node.Warn, node.Skip, deprecated + "*"},
		"beside an empty config_path": {
			"version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = ''\n" + strings.TrimPrefix(entry(version3, private), "version = 3\n"), node.Warn, node.Skip, deprecated,
		},
		"beside a config_path that was not handed over": {
			listed("/opt/certs.d") + strings.TrimPrefix(entry(version3, private), "version = 3\n"), node.Fail, node.Fail, "which containerd refuses",
		},
		"beside a config_path": {
			listed("/etc/containerd/certs.d") + strings.TrimPrefix(entry(version3, private), "version = 3\n"), node.Fail, node.Fail,
			"sets registry.mirrors and config_path, which containerd refuses",
		},
		"none, and a tls": {
			listed("/etc/containerd/certs.d") + "[plugins.'io.containerd.cri.v1.images'.registry.configs.'" + private + "'.tls]\nca_file = '/x'\n", node.Warn, node.Pass,
			"a tls for " + private + ": containerd 1.5 to 1.7 refuse that",
		},
		"none, and a login": {
			listed("/etc/containerd/certs.d") + "[plugins.'io.containerd.cri.v1.images'.registry.configs.'" + private + "'.auth]\nusername = 'x'\n", node.Pass, node.Pass, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := judge(t, content{"etc/hostname": "node-1\n", "etc/containerd/config.toml": test.config, certs: ""}.root(t))
			want(t, results["mirror-config"], test.mirror, test.says)
			want(t, results["resolution"], test.resolution)
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
