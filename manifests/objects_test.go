package manifests_test

import (
	"strings"
	"sync"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// install is what one kustomization renders, in order.
type install []client.Object

// deserializer knows the kinds of the manifests.
var deserializer = sync.OnceValues(func() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admissionregistrationv1.AddToScheme,
		appsv1.AddToScheme,
		batchv1.AddToScheme,
		certmanagerv1.AddToScheme,
		corev1.AddToScheme,
		networkingv1.AddToScheme,
		policyv1.AddToScheme,
		rbacv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer(), nil
})

// decode turns YAML into the Go type of its kind. A kind that is not listed here, a field that the type does not have and
// a field that is set twice are errors.
func decode(text string) (client.Object, error) {
	if strings.HasPrefix(text, "apiVersion: monitoring.coreos.com/") {
		return decodeUntyped(text)
	}
	decoder, err := deserializer()
	if err != nil {
		return nil, err
	}
	object, _, err := decoder.Decode([]byte(text), nil, nil)
	if err != nil {
		return nil, err
	}
	return object.(client.Object), nil
}

// decodeUntyped is for the Prometheus operator's kinds: their Go types would be one more dependency for two small objects,
// and test/e2e has the real API server check them against the operator's own CustomResourceDefinitions.
func decodeUntyped(text string) (client.Object, error) {
	object := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict([]byte(text), &object.Object); err != nil {
		return nil, err
	}
	return object, nil
}

// Every other test here is worth as much as decode refuses.
func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ yaml, err string }{
		"a field that the type does not have": {"apiVersion: v1\nkind: Service\nspec: {sessionAffinty: None}", "unknown field"},
		"a field that is set twice":           {"apiVersion: v1\nkind: Service\nspec: {type: A, type: B}", "already set"},
		"a kind that nobody registered":       {"apiVersion: example.com/v1\nkind: Gadget", "no kind"},
		"an untyped field that is set twice":  {"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nspec: {a: 1, a: 2}", "already set"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := decode(test.yaml); err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want one with %q", err, test.err)
			}
		})
	}
}

// the returns the object of type T with this name, of which there must be exactly one.
func the[T client.Object](t testing.TB, in install, name string) T {
	t.Helper()
	var found []T
	for _, object := range in {
		if o, ok := object.(T); ok && o.GetName() == name {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T are named %q, want 1", len(found), *new(T), name)
	}
	return found[0]
}

func deployment(t *testing.T, in install) *appsv1.Deployment {
	t.Helper()
	return the[*appsv1.Deployment](t, in, "spegel-guard")
}

func container(t *testing.T, in install) corev1.Container {
	t.Helper()
	containers := deployment(t, in).Spec.Template.Spec.Containers
	if len(containers) != 1 {
		t.Fatalf("%d containers, want 1", len(containers))
	}
	return containers[0]
}

// argument is the value of a flag among the container's arguments.
func argument(t *testing.T, in install, flag string) string {
	t.Helper()
	for _, arg := range container(t, in).Args {
		if value, ok := strings.CutPrefix(arg, "--"+flag+"="); ok {
			return value
		}
	}
	t.Fatalf("the container has no argument --%s", flag)
	return ""
}

// containerPort is the number of a port that a Service, a probe or a NetworkPolicy names.
func containerPort(t *testing.T, in install, name string) int32 {
	t.Helper()
	for _, port := range container(t, in).Ports {
		if port.Name == name {
			return port.ContainerPort
		}
	}
	t.Fatalf("the container has no port named %q", name)
	return 0
}

func service(t *testing.T, in install) *corev1.Service {
	t.Helper()
	return the[*corev1.Service](t, in, "spegel-guard")
}

// servicePort is the port of the Service with this number or, where the number is 0, this name.
func servicePort(t *testing.T, in install, number int32, name string) corev1.ServicePort {
	t.Helper()
	for _, port := range service(t, in).Spec.Ports {
		if port.Port == number || port.Name == name {
			return port
		}
	}
	t.Fatalf("the Service has no port %d or %q", number, name)
	return corev1.ServicePort{}
}

// entries are those of the webhook configuration, by name.
func entries(t testing.TB, in install) map[string]admissionregistrationv1.ValidatingWebhook {
	t.Helper()
	found := map[string]admissionregistrationv1.ValidatingWebhook{}
	for _, w := range the[*admissionregistrationv1.ValidatingWebhookConfiguration](t, in, "spegel-guard").Webhooks {
		found[w.Name] = w
	}
	return found
}

// The names of the entries.
const (
	failsClosed = "helmreleases.spegel-guard.dev"
	bestEffort  = "best-effort.helmreleases.spegel-guard.dev"
	configMaps  = "configmaps.spegel-guard.dev"
	secrets     = "secrets.spegel-guard.dev"    // with components/read-secrets
	daemonSets  = "daemonsets.spegel-guard.dev" // with components/daemonset
)

func entry(t testing.TB, in install, name string) admissionregistrationv1.ValidatingWebhook {
	t.Helper()
	w, found := entries(t, in)[name]
	if !found {
		t.Fatalf("no entry %s", name)
	}
	return w
}
