package cluster

// StartDaemonSetController starts the DaemonSet controller of kube-controller-manager, which "make assets-e2e"
// builds, as an administrator. Cluster.Stop stops it. Of what else a cluster has, no scheduler and no
// kubelet runs: pods are made, and wait.
func (c *Cluster) StartDaemonSetController() error {
	p, err := c.start("daemonset-controller", nil, "--kubeconfig="+c.Kubeconfig())
	if err != nil {
		return err
	}
	c.onStop(p.stop)
	return nil
}
