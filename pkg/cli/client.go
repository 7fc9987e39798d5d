package cli

import (
	"errors"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/publish"
)

// newClient is the client of every command. The kinds are known, so the API server need not be asked which it has, and nothing
// is asked of it here.
func newClient(config *rest.Config) (client.Client, error) {
	config.QPS = -1 // the API server's own flow control decides; a review must not wait for ours
	scheme, mapper := runtime.NewScheme(), meta.NewDefaultRESTMapper(nil)
	if err := errors.Join(
		admissionregistrationv1.AddToScheme(scheme), appsv1.AddToScheme(scheme), authenticationv1.AddToScheme(scheme),
		authorizationv1.AddToScheme(scheme), corev1.AddToScheme(scheme), eventsv1.AddToScheme(scheme), helmv2.AddToScheme(scheme),
		sourcev1.AddToScheme(scheme),
	); err != nil {
		return nil, err
	}
	mapper.Add(publish.PolicyReportKind(), meta.RESTScopeNamespace)
	for kind := range scheme.AllKnownTypes() {
		switch kind.Kind {
		case "ValidatingWebhookConfiguration", "TokenReview", "SubjectAccessReview", "Namespace":
			mapper.Add(kind, meta.RESTScopeRoot)
		default: // of those that are asked for
			mapper.Add(kind, meta.RESTScopeNamespace)
		}
	}
	return client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
}
