package node_test

import (
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

const certs = "etc/containerd/certs.d/"

// Hosts files in the forms that Spegel has had, and some that people write.
func TestHostsFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		dir, file  string
		config     node.Status // of mirror-config
		resolution node.Status
		says       string // of resolution
	}{
		"v0.0.x without a list": {
			"_default", "[host]\n[host.'http://127.0.0.1:30020']\n  capabilities = ['pull', 'resolve']\n\n[host.'http://127.0.0.1:30021']\n  capabilities = ['pull', 'resolve']\n",
			node.Fail, node.Fail, "3. https://harbor.example.com/v2",
		},
		"v0.0.x with the registry on the list": {
			"harbor.example.com", "server = 'https://harbor.example.com'\n\n[host]\n[host.'http://127.0.0.1:30020']\ncapabilities = ['pull', 'resolve']\n",
			node.Fail, node.Fail, "1. http://127.0.0.1:30020/v2, which is Spegel",
		},
		"v0.1 with the registry on the list": {
			"harbor.example.com", "server = 'https://harbor.example.com'\n\n[host.'http://192.0.2.11:30020']\ncapabilities = ['pull', 'resolve']\n\n[host.'http://192.0.2.11:30021']\ncapabilities = ['pull', 'resolve']",
			node.Fail, node.Fail, "through Spegel, then the registry, and harbor.example.com is private",
		},
		"v0.4 on another port": {
			"_default", "[host.'http://192.0.2.11:31111']\ncapabilities = ['pull', 'resolve']\ndial_timeout = '200ms'",
			node.Fail, node.Fail, "1. http://192.0.2.11:31111/v2, which is Spegel",
		},
		"v0.7 with credentials, on Talos' usual port": {
			"_default", "[host.'http://192.0.2.11:29999']\ncapabilities = ['pull', 'resolve']\ndial_timeout = '200ms'\n[host.'http://192.0.2.11:29999'.header]\nAuthorization = 'Basic aGVsbG86d29ybGQ='",
			node.Fail, node.Fail, "1. http://192.0.2.11:29999/v2, which is Spegel",
		},
		"resolveTags off, and a tag to resolve": {
			"_default", "[host.'http://192.0.2.11:30020']\ncapabilities = ['pull']\ndial_timeout = '200ms'",
			node.Fail, node.Warn, "the tag is asked of the registry, and the content, by digest, of Spegel, then the registry; harbor.example.com is private",
		},
		"resolveTags off, and the registry may not be pulled from": {
			"harbor.example.com", "server = 'https://harbor.example.com'\ncapabilities = ['resolve']\n[host.'http://192.0.2.11:30020']\ncapabilities = ['pull']\n",
			node.Fail, node.Fail, "nobody: no host may be asked for it",
		},
		"resolveTags off, and only Spegel has the content": {
			"harbor.example.com", "server = 'http://192.0.2.11:30020'\ncapabilities = ['pull']\n[host.'http://192.0.2.11:30021']\ncapabilities = ['pull', 'resolve']\n",
			node.Fail, node.Fail, "through Spegel with no way back",
		},
		"no way back: the server is Spegel too": {
			"harbor.example.com", "server = 'http://192.0.2.11:30020'\n[host.'http://192.0.2.11:30020']\ncapabilities = ['pull', 'resolve']\n",
			node.Fail, node.Fail, "through Spegel with no way back",
		},
		"Spegel is the server, and no host": {
			"harbor.example.com", "server = 'http://192.0.2.11:30020'\n",
			node.Fail, node.Fail, "1. http://192.0.2.11:30020/v2, which is Spegel",
		},
		"Spegel is the server for all": {
			"_default", "server = 'http://192.0.2.11:31111'\ndial_timeout = '200ms'\n",
			node.Fail, node.Fail, "through Spegel with no way back",
		},
		"Spegel is a host with a certificate, so that TLS is tried first": {
			"_default", "[host.'http://127.0.0.1:5555']\nskip_verify = true\n",
			node.Fail, node.Fail, "1. https://127.0.0.1:5555/v2, which is Spegel",
		},
		"no way back: the registry may only be pushed to": {
			"harbor.example.com", "server = 'https://harbor.example.com'\ncapabilities = ['push']\n[host.'http://192.0.2.11:30020']\n",
			node.Fail, node.Fail, "through Spegel with no way back",
		},
		"nobody at all": {
			"harbor.example.com", "server = 'https://harbor.example.com'\ncapabilities = ['push']\n",
			node.Pass, node.Fail, "nobody: no host may be asked",
		},
		"by hand, direct": {
			"harbor.example.com", "# ours\nserver = \"https://harbor.example.com\"\n",
			node.Pass, node.Pass, "direct: Spegel is not asked",
		},
		"by hand, a mirror of one's own": {
			"_default", "[host.\"https://mirror.example.com\"]\n",
			node.Pass, node.Pass, "1. https://mirror.example.com/v2\n  2. https://harbor.example.com/v2",
		},
		"another server, without a word of the registry": {
			"harbor.example.com", "server = 'https://ghcr.io'\n",
			node.Warn, node.Warn, "harbor.example.com itself is never asked",
		},
		"another server for all": {
			"_default", "server = 'mirror.example.com'\n",
			node.Warn, node.Warn, "1. https://mirror.example.com/v2\ndirect: Spegel is not asked\nharbor.example.com itself is never asked",
		},
		"another server behind Spegel": {
			"harbor.example.com", "server = 'https://mirror.example.com'\n[host.'http://192.0.2.11:30020']\n",
			node.Fail, node.Fail, "through Spegel, then mirror.example.com, and harbor.example.com is private",
		},
		"the registry may only be pushed to, and a mirror stands in its place": {
			"harbor.example.com", "server = 'https://harbor.example.com'\ncapabilities = ['push']\n[host.'https://mirror.example.com']\n",
			node.Pass, node.Warn, "itself is never asked",
		},
		"another server, and the registry is a host": {
			"harbor.example.com", "server = 'https://mirror.example.com'\n[host.'http://harbor.example.com:8080']\n",
			node.Pass, node.Pass, "1. http://harbor.example.com:8080/v2",
		},
		"the registry by its port": {
			"harbor.example.com", "server = 'https://Harbor.example.com:443'\n",
			node.Pass, node.Pass, "direct",
		},
		"by hand, with an authority that is not there": {
			"harbor.example.com", "server = 'https://harbor.example.com'\nca = '/etc/ssl/own.crt'\n",
			node.Warn, node.Fail, `unable to read CA cert "/etc/ssl/own.crt"`,
		},
		"a mistake: containerd ignores the file": {
			"harbor.example.com", "server = 'https://elsewhere.example.com'\nhost = [\n",
			node.Warn, node.Pass, "except for a mistake in its hosts.toml",
		},
		"good TOML and a capability that nobody knows": {
			"harbor.example.com", "server = 'https://elsewhere.example.com'\n[host.'http://192.0.2.11:30020']\ncapabilities = ['fly']\n",
			node.Warn, node.Pass, "1. https://harbor.example.com/v2",
		},
		"the same of a host that containerd does not ask, as it has no table": {
			"harbor.example.com", "server = 'https://elsewhere.example.com'\nhost.'http://192.0.2.11:30020'.capabilities = ['fly']\n",
			node.Warn, node.Warn, "1. https://elsewhere.example.com/v2",
		},
		"Spegel has no table, and an authority is not there": {
			"harbor.example.com", "ca = 'ca.crt'\nhost.'http://192.0.2.11:30020'.capabilities = ['pull']\n",
			node.Warn, node.Fail, "unable to read CA cert",
		},
		"an empty folder keeps _default away": {
			"harbor.example.com", "", node.Pass, node.Pass, "direct",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{certs + test.dir + "/hosts.toml": test.file, "etc/ssl/other.crt": ""}
			results := examine(t, options{
				Files: c.root(t), Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/team/app:v1",
				Dial: nowhere, Lookup: unknown,
			})
			want(t, results["mirror-config"], test.config)
			want(t, results["resolution"], test.resolution, test.says)
			for _, r := range results {
				if text := printed(r); contains(text, "aGVsbG86d29ybGQ=") {
					t.Errorf("%s shows credentials:\n%s", r.Check, text)
				}
			}
		})
	}
}

// containerd looks for an image's registry under more than one name.
func TestImageNames(t *testing.T) {
	t.Parallel()
	const sum = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	spegel := spegelHosts("")
	for name, test := range map[string]struct{ image, dir, says string }{
		"Docker Hub's short names":    {"busybox", "docker.io", "docker.io/library/busybox:latest is asked of (as /etc/containerd/certs.d/docker.io says)"},
		"a port":                      {"harbor.example.com:8443/app:v1", "harbor.example.com:8443", "2. https://harbor.example.com:8443/v2"},
		"a port, as Docker writes it": {"harbor.example.com:8443/app:v1", "harbor.example.com_8443_", "harbor.example.com_8443_ says"},
		"a digest":                    {"ghcr.io/app" + sum, "ghcr.io", "ghcr.io/app" + sum},
		"a tag and a digest":          {"ghcr.io/app:v1" + sum, "ghcr.io", "1. http://192.0.2.11:30020/v2, which is Spegel"},
		"IPv6":                        {"[2001:db8::1]:5000/app:v1", "[2001:db8::1]:5000", "2. https://[2001:db8::1]:5000/v2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{certs + test.dir + "/hosts.toml": spegel}
			results := examine(t, options{Files: c.root(t), Image: test.image, Dial: nowhere, Lookup: unknown})
			want(t, results["resolution"], node.Pass, test.says, "through Spegel, then the registry")
		})
	}
	if _, err := node.Examine(t.Context(), []node.Files{nil}, node.Options{Image: "Not An Image"}); err == nil || !contains(err.Error(), `image "Not An Image"`) {
		t.Errorf("a name that is none: %v", err)
	}
}

// The directory is where containerd's configuration says, or where a distribution has it.
func TestWhereTheHostsDirectoryIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content content
		status  node.Status
		says    string
	}{
		"Talos":                    {content{"etc/cri/conf.d/hosts/_default/hosts.toml": spegelHosts("")}, node.Warn, "/etc/cri/conf.d/hosts (where it usually is)"},
		"k3s":                      {content{"var/lib/rancher/k3s/agent/etc/containerd/certs.d/_default/hosts.toml": spegelHosts("")}, node.Warn, "k3s/agent/etc/containerd/certs.d (where"},
		"version 2 of config.toml": {content{"etc/containerd/config.toml": "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/opt/none:/opt/hosts\"\n", "opt/hosts/_default/hosts.toml": spegelHosts("")}, node.Fail, "/opt/hosts (as /etc/containerd/config.toml says)"},
		"no directory at all":      {content{"etc/containerd/config.toml": listed("/etc/containerd/certs.d")}, node.Pass, "does not exist: containerd asks each registry itself"},
		"no default directory":     {content{"etc/containerd/config.toml": "version = 2\n", "etc/docker/daemon.json": ""}, node.Pass, "hosts directory 2 of 2 is /etc/docker/certs.d (containerd's default, as /etc/containerd/config.toml names no config_path), which does not exist"},
		"nothing of containerd's":  {content{"etc/hosts": ""}, node.Skip, "containerd's configuration is not part of what could be read"},
		"an empty directory":       {content{certs: ""}, node.Pass, "with 0 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, examine(t, options{Files: test.content.root(t)})["mirror-config"], test.status, test.says)
		})
	}
}
