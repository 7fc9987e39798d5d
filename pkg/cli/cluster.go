package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/publish"
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
		return errors.New("kubeconfig: the proxy-url of a cluster is no URL")
	}
	return fmt.Errorf("kubeconfig: %w", err)
}

// client connects as kubectl does. Nothing is asked of the API server here.
func (o *clusterOptions) client() (client.Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	rules.Warner = func(error) {} // a file of $KUBECONFIG that is not there is no news
	overrides := &clientcmd.ConfigOverrides{CurrentContext: o.context}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("no cluster: no kubeconfig was found, and this does not run in a cluster; name one with --kubeconfig")
	}
	if err != nil {
		return nil, kubeconfigError(err)
	}
	config.QPS = -1 // the API server's own flow control decides
	config.Timeout = requestTimeout
	config.WarningHandler = rest.NoWarnings{}

	scheme := runtime.NewScheme()
	mapper := meta.NewDefaultRESTMapper(nil) // the kinds are known, so the API server need not be asked which it has
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, eventsv1.AddToScheme, helmv2.AddToScheme, sourcev1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	for _, kind := range []schema.GroupVersionKind{
		appsv1.SchemeGroupVersion.WithKind("DaemonSet"), appsv1.SchemeGroupVersion.WithKind("ControllerRevision"),
		corev1.SchemeGroupVersion.WithKind("ConfigMap"), corev1.SchemeGroupVersion.WithKind("Pod"), corev1.SchemeGroupVersion.WithKind("Secret"),
		eventsv1.SchemeGroupVersion.WithKind("Event"), helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind),
		publish.PolicyReportKind(),
		sourcev1.GroupVersion.WithKind(sourcev1.OCIRepositoryKind), sourcev1.GroupVersion.WithKind(sourcev1.HelmChartKind),
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	return client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
}
