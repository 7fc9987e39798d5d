package node

// containerdConfigs are where containerd's own configuration usually is: on Talos, with k3s, RKE2, MicroK8s and k0s,
// elsewhere. Those that bring a containerd of their own come first: beside them the last one is another program's, as
// Docker's is.
func containerdConfigs() []string {
	return []string{
		"/etc/cri/containerd.toml",
		"/etc/cri/conf.d/cri.toml",
		"/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
		"/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
		"/var/snap/microk8s/current/args/containerd.toml",
		"/etc/k0s/containerd.toml",
		"/etc/containerd/config.toml",
	}
}

// knownHostsDirs are where the hosts directory usually is, in the same order. k0s has none but what its configuration
// names.
func knownHostsDirs() []string {
	return []string{
		"/etc/cri/conf.d/hosts",
		"/var/lib/rancher/k3s/agent/etc/containerd/certs.d",
		"/var/lib/rancher/rke2/agent/etc/containerd/certs.d",
		"/var/snap/microk8s/current/args/certs.d",
		"/etc/containerd/certs.d",
	}
}

// containerdRoots are where containerd's root usually is, in the same order. MicroK8s and k0s name it on the command line.
func containerdRoots() []string {
	return []string{
		"/var/lib/rancher/k3s/agent/containerd",
		"/var/lib/rancher/rke2/agent/containerd",
		"/var/snap/microk8s/common/var/lib/containerd",
		"/var/lib/k0s/containerd",
		"/var/lib/containerd",
	}
}
