package containerd

import (
	"cmp"
	"strings"
)

// Talos is the distribution that talosctl reads.
const Talos = "Talos"

// Distribution is a way to run Kubernetes with containerd in places of its own, and with its own ways to change what lies there.
type Distribution struct {
	Name     string   // empty for containerd as a service of its own
	Configs  []string // where its configuration usually is
	HostsDir string   // where the hosts directory usually is; k0s has none but what its configuration names
	Root     string   // where containerd's root usually is; MicroK8s and k0s name it on the command line
	NoShell  bool     // no command is run on a node
	// Registries is from what it writes the hosts directory, and Writes when, or how that is changed; empty where somebody else does.
	Registries, Writes string
	// Restart is the command that makes containerd read its configuration anew: it is a child of k3s, RKE2 and k0s, and Talos'
	// API refuses to restart its service cri.
	Restart   string
	Configure string // where a setting goes that the configuration is to have
	Log       string // the command that shows what containerd says of pulls
	Resolve   string // what gives a name an address
	Trust     string // what names the certificate of an authority

	mark string // what the names of its places hold
}

// distributions lists those that are known. Those that bring a containerd of their own come first: beside them the last one is
// another program's, as Docker's is.
func distributions() []Distribution {
	const edit = ": talosctl -n <node> edit machineconfig"
	all := []Distribution{
		{
			Name: Talos, Configs: []string{"/etc/cri/containerd.toml", "/etc/cri/conf.d/cri.toml"}, HostsDir: "/etc/cri/conf.d/hosts", NoShell: true,
			Registries: "machine.registries of the machine configuration (since 1.12 also its RegistryMirrorConfig)", Writes: edit,
			Restart:   "talosctl -n <node> reboot, as Talos does not restart containerd alone",
			Configure: "; in machine.files of the machine configuration, at /etc/cri/conf.d/20-customization.part",
			Log:       "talosctl -n <node> logs cri | grep PullImage",
			Resolve:   "give the name to a resolver of machine.network.nameservers, or to machine.network.extraHostEntries, of the machine configuration" + edit,
			Trust:     "in the machine configuration: a TrustedRootsConfig, or machine.registries.config (since 1.12 also a RegistryTLSConfig)",
			mark:      "/etc/cri/",
		},
		rancher("k3s", "systemctl restart k3s, on an agent: systemctl restart k3s-agent"),
		rancher("RKE2", "systemctl restart rke2-server, on an agent: systemctl restart rke2-agent"),
		{
			Name: "MicroK8s", Configs: []string{"/var/snap/microk8s/current/args/containerd.toml"}, HostsDir: "/var/snap/microk8s/current/args/certs.d",
			Root: "/var/snap/microk8s/common/var/lib/containerd", Restart: "snap restart microk8s.daemon-containerd", mark: "/microk8s/",
		},
		{
			Name: "k0s", Configs: []string{"/etc/k0s/containerd.toml"}, Root: "/var/lib/k0s/containerd",
			Restart: "systemctl restart k0sworker, on a controller: systemctl restart k0scontroller", mark: "/k0s/",
		},
		{
			// It has the places of a containerd of its own, so it is known by what its configuration says.
			Name: "Bottlerocket", NoShell: true, Restart: "apiclient reboot", mark: bottlerocketPause,
			Configure: ", for which Bottlerocket has no setting",
			Log:       "in the node's admin container: sudo sheltie, and there journalctl -u containerd -u kubelet --since -1h | grep PullImage",
			Resolve:   "give the name to a resolver of settings.dns.name-servers, or to settings.network.hosts: apiclient set",
			Trust:     "in settings.pki, with trusted = true: apiclient set",
		},
		{
			Configs: []string{"/etc/containerd/config.toml"}, HostsDir: "/etc/containerd/certs.d", Root: "/var/lib/containerd",
			Restart: "systemctl restart containerd",
		},
	}
	for i := range all {
		d := &all[i]
		d.Log = cmp.Or(d.Log, "on the node: journalctl -u containerd -u kubelet -u k3s -u k3s-agent -u rke2-server -u rke2-agent --since -1h | grep PullImage")
		d.Resolve = cmp.Or(d.Resolve, "on the node, give the name to a resolver in /etc/resolv.conf or to /etc/hosts")
		d.Trust = cmp.Or(d.Trust, `in the registry's hosts file: ca = "/path/on/the/node/ca.crt" in <hosts directory>/<registry>/hosts.toml, for server before the first [host]`)
	}
	return all
}

func rancher(name, restart string) Distribution {
	folder := strings.ToLower(name)
	agent := "/var/lib/rancher/" + folder + "/agent/"
	registries := "/etc/rancher/" + folder + "/registries.yaml"
	return Distribution{
		Name: name, Configs: []string{agent + "etc/containerd/config.toml"}, HostsDir: agent + "etc/containerd/certs.d", Root: agent + "containerd",
		Registries: registries, Writes: " when it starts: " + restart, Restart: restart, mark: "/rancher/" + folder + "/",
		Configure: "; in config-v3.toml.tmpl beside it, from which " + name + " writes it",
		Trust:     "as ca_file in configs of " + registries + ", and: " + restart,
	}
}

// bottlerocketPause is the pause image that Bottlerocket brings, and its configuration of containerd names.
const bottlerocketPause = "localhost/kubernetes/pause:"

// DistributionOf is the one that one of the names of files belongs to.
func DistributionOf(names ...string) Distribution {
	all := distributions()
	for _, d := range all {
		for _, name := range names {
			if d.mark == "" || strings.Contains(name, d.mark) {
				return d
			}
		}
	}
	return all[len(all)-1]
}

// places are what a function picks of each distribution, in their order.
func places(of func(Distribution) []string) []string {
	var out []string
	for _, d := range distributions() {
		for _, name := range of(d) {
			if name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

// ConfigFiles are where containerd's own configuration usually is.
func ConfigFiles() []string { return places(func(d Distribution) []string { return d.Configs }) }

// KnownHostsDirs are where the hosts directory usually is.
func KnownHostsDirs() []string {
	return places(func(d Distribution) []string { return []string{d.HostsDir} })
}

// Roots are where containerd's root usually is.
func Roots() []string { return places(func(d Distribution) []string { return []string{d.Root} }) }
