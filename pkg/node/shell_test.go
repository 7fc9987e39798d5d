package node_test

import (
	"regexp"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// Talos has no shell, so that no command for one is advised there, whichever check it is and however the node is read.
func TestTalosHasNoShell(t *testing.T) {
	t.Parallel()
	const hosts = "etc/cri/conf.d/hosts/"
	c := content{
		"etc/hostname": "node-1\n", "etc/cri/containerd.toml": "version = 3\nimports = ['/etc/cri/conf.d/cri.toml']\n",
		"etc/cri/conf.d/cri.toml":                listed("/" + hosts + ":/etc/docker/certs.d"),
		hosts + "_default/hosts.toml":            spegelHosts(""),
		hosts + "_backup/" + private + "/x.crt":  "x",
		hosts + "_backup/docker.io/hosts.toml":   "[host.'https://cache.example.com']\n",
		hosts + "quay.io/hosts.toml":             "server =",
		hosts + private + "_8443_/hosts.toml":    "server = 'https://" + private + ":8443'\nca = '/etc/no.crt'\n",
		ingest + "aaaa/ref":                      "layer-sha256:4bcdff",
		ingest + "aaaa/data":                     "x",
		"var/lib/containerd/io.containerd/x/y/z": "",
	}
	shell := regexp.MustCompile(`\b(rm|cp|mv|journalctl|systemctl|snap|sed) -?|/etc/hosts\b|on (this|the) node`)
	for how, files := range map[string]node.Files{"folder": c.root(t), "talosctl": c.talos(t)} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			advised := 0
			for _, image := range []string{private + "/a:1", private + ":8443/a:1", "quay.io/a:1"} {
				for _, r := range examine(t, options{Files: files, Registries: registries(t, private), Image: image, Dial: nowhere, Lookup: unknown, Now: asOfNow}) {
					if r.Fix != "" {
						advised++
					}
					if shell.MatchString(r.Fix) {
						t.Errorf("%s advises:\n%s", r.Check, r.Fix)
					}
				}
			}
			if advised < 5 {
				t.Errorf("only %d checks advise anything", advised)
			}
		})
	}
}

// Bottlerocket has no shell either. It is known by its name or its pause image, as it has the places of other nodes.
func TestBottlerocketHasNoShell(t *testing.T) {
	t.Parallel()
	config := listed("/etc/containerd/certs.d:/etc/docker/certs.d")
	c := content{
		"etc/hostname": "node-1\n", "etc/containerd/config.toml": config,
		certs + "_default/hosts.toml": spegelHosts(""), certs + "_backup/" + private + "/x.crt": "x", ingest + "aaaa/data": "x", "var/log/journal/": "",
	}
	shell := regexp.MustCompile(`\b(rm|cp|mv|systemctl|snap|sed) -?|/etc/hosts\b|on (this|the) node:`)
	for name, more := range map[string]content{
		"its pause image": {"etc/containerd/config.toml": config + "[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'localhost/kubernetes/pause:0.1.0'\n"},
		"its name":        {"etc/os-release": linkTo("../usr/lib/os-release"), "usr/lib/os-release": "NAME=Bottlerocket\nID=bottlerocket\n"},
	} {
		for how, files := range map[string]node.Files{"folder": c.with(more).root(t), "tar": oneBundle(t, c.with(more).tar(t))} {
			for _, r := range examine(t, options{Files: files, Registries: registries(t, private), Image: private + "/a:1", Dial: nowhere, Lookup: unknown, Now: asOfNow}) {
				if shell.MatchString(r.Fix) {
					t.Errorf("by %s, %s: %s advises:\n%s", name, how, r.Check, r.Fix)
				}
			}
		}
	}
}
