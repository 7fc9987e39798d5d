package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/server"
)

// requestTimeout bounds one request; a page of a list that takes longer never comes.
const requestTimeout = 30 * time.Second

// clusterOptions say which cluster a command speaks to.
type clusterOptions struct{ kubeconfig, context string }

func (o *clusterOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; default is $KUBECONFIG, else ~/.kube/config, else the cluster this runs in")
	f.StringVar(&o.context, "context", "", "context of the kubeconfig; default is its current one")
}

// kubeconfigError says what is wrong with a kubeconfig. Of a proxy-url that is none, client-go repeats the password.
func kubeconfigError(err error) error {
	if strings.Contains(err.Error(), "'proxy-url'") {
		return errors.New("kubeconfig: the proxy-url of a cluster is not a URL")
	}
	return fmt.Errorf("kubeconfig: %w", err)
}

// loader finds the kubeconfig as kubectl does.
func (o *clusterOptions) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	rules.Warner = func(error) {} // a file of $KUBECONFIG that is not there is no news
	overrides := &clientcmd.ConfigOverrides{CurrentContext: o.context}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

// client connects as kubectl does. Nothing is asked of the API server here.
func (o *clusterOptions) client() (client.Client, error) {
	config, err := o.loader().ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("no cluster: no kubeconfig was found, and this does not run in a cluster; name one with --kubeconfig")
	}
	if err != nil {
		return nil, kubeconfigError(err)
	}
	config.Timeout = requestTimeout
	config.WarningHandler = rest.NoWarnings{}
	return newClient(config)
}

// connect connects to the API server: the one of the kubeconfig, or the one of the cluster that the
// program runs in. Outside a cluster and without a kubeconfig there is none, and references count
// as unreadable. Nothing is asked of the API server here.
func connect(kubeconfig string, logger *slog.Logger) (client.Client, error) {
	var config *rest.Config
	var err error
	if kubeconfig == "" {
		config, err = rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			logger.Warn("neither in a cluster nor with --kubeconfig, so what releases refer to can't be read")
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
