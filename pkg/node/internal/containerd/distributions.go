package containerd

import "strings"

// Talos is the distribution whose nodes have no shell.
const Talos = "Talos"

// Distribution is a way to run Kubernetes with containerd in places of its own.
type Distribution struct {
	Name     string   // empty for containerd as a service of its own
	Configs  []string // where its configuration usually is
	HostsDir string   // where the hosts directory usually is; k0s has none but what its configuration names
	Root     string   // where containerd's root usually is; MicroK8s and k0s name it on the command line
	// Registries is the file from which it writes the hosts directory; empty where somebody else does.
	Registries string
	// Restart is the command that makes containerd read its configuration anew: it is a child of k3s, RKE2 and k0s, and Talos'
	// API refuses to restart its service cri.
	Restart string

	mark string // what the names of its places hold
}

// distributions lists those that are known. Those that bring a containerd of their own come first: beside them the last one is
// another program's, as Docker's is.
func distributions() []Distribution {
	return []Distribution{
		{
			Name: Talos, Configs: []string{"/etc/cri/containerd.toml", "/etc/cri/conf.d/cri.toml"}, HostsDir: "/etc/cri/conf.d/hosts",
			Restart: "talosctl -n <node> reboot, as Talos does not restart containerd alone", mark: "/etc/cri/",
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
			Configs: []string{"/etc/containerd/config.toml"}, HostsDir: "/etc/containerd/certs.d", Root: "/var/lib/containerd",
			Restart: "systemctl restart containerd",
		},
	}
}

func rancher(name, restart string) Distribution {
	folder := strings.ToLower(name)
	agent := "/var/lib/rancher/" + folder + "/agent/"
	return Distribution{
		Name: name, Configs: []string{agent + "etc/containerd/config.toml"}, HostsDir: agent + "etc/containerd/certs.d", Root: agent + "containerd",
		Registries: "/etc/rancher/" + folder + "/registries.yaml", Restart: restart, mark: "/rancher/" + folder + "/",
	}
}

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
