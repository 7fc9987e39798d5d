package cli

import (
	"k8s.io/client-go/tools/clientcmd"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// cluster connects to the API server of the kubeconfig; without one there is none. Nothing is asked of it
// here. A pod of its own has no kubeconfig, and doctor on every node asks the API server nothing.
func (o *doctorOptions) cluster() (*node.Cluster, error) {
	if o.kubeconfig == "" {
		return nil, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, kubeconfigError(err)
	}
	c, err := newClient(config)
	if err != nil {
		return nil, kubeconfigError(err)
	}
	return &node.Cluster{Reader: c, Namespace: o.namespace}, nil
}
