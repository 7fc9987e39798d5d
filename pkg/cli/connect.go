package cli

import (
	"errors"
	"log/slog"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/server"
)

// connect connects to the API server: the one of the kubeconfig, or the one of the cluster that the
// program runs in. Outside a cluster and without a kubeconfig there is none, and references count
// as unreadable. Nothing is asked of the API server here.
func connect(kubeconfig string, logger *slog.Logger) (client.Client, error) {
	var config *rest.Config
	var err error
	if kubeconfig == "" {
		config, err = rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			logger.Warn("not in a cluster and no --kubeconfig, so what releases refer to can't be read")
			return nil, nil
		}
	} else {
		config, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	if err != nil {
		return nil, kubeconfigError(err)
	}
	config.Wrap(server.Transport)
	return newClient(config)
}
