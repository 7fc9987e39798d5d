package cli

import "github.com/spegel-guard/spegel-guard/pkg/node"

// api connects to the API server of the kubeconfig; where neither that nor a context is named there is none. Nothing is asked of it
// here. A pod of its own has no kubeconfig, and doctor on every node asks the API server nothing.
func (o *doctorOptions) api() (*node.Cluster, error) {
	if o.cluster == (clusterOptions{}) {
		return nil, nil
	}
	c, err := o.cluster.client()
	if err != nil {
		return nil, err
	}
	return &node.Cluster{Reader: c, Namespace: o.namespace}, nil
}
