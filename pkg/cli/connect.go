package cli

import (
	"errors"
	"log/slog"
	"net/http"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
)

// connect connects to the API server: the one of the kubeconfig, or the one of the cluster that the
// program runs in. Outside a cluster and without a kubeconfig there is none, and references count
// as unreadable. Nothing is asked of the API server here.
func connect(kubeconfig string, logger *slog.Logger) (*rest.Config, client.Client, error) {
	var config *rest.Config
	var err error
	if kubeconfig == "" {
		config, err = rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			logger.Warn("not in a cluster and no --kubeconfig, so what releases refer to can't be read")
			return nil, nil, nil
		}
	} else {
		config, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	if err != nil {
		return nil, nil, kubeconfigError(err)
	}
	config.Wrap(limitReads)
	config.QPS = -1 // the API server's own flow control decides; a review must not wait for ours

	scheme := runtime.NewScheme()
	if err := errors.Join(admissionregistrationv1.AddToScheme(scheme), corev1.AddToScheme(scheme), sourcev1.AddToScheme(scheme)); err != nil {
		return nil, nil, err
	}
	// the kinds are known, so the API server need not be asked which it has
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []string{"ConfigMap", "Secret"} {
		mapper.Add(corev1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	for _, kind := range []string{sourcev1.OCIRepositoryKind, sourcev1.HelmChartKind} {
		mapper.Add(sourcev1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	mapper.Add(admissionregistrationv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration"), meta.RESTScopeRoot)
	api, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
	return config, api, err
}

// limitReads has what reviews read take room as it comes. What has come and is not read yet is bounded by the connection.
func limitReads(rt http.RoundTripper) http.RoundTripper {
	base := rt
	for {
		wrapper, ok := base.(utilnet.RoundTripperWrapper)
		if !ok {
			break
		}
		base = wrapper.WrappedRoundTripper()
	}
	if base, ok := base.(*http.Transport); ok && base.HTTP2 == nil {
		base.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: admission.MaxUnread}
	}
	return admission.Transport(rt)
}
