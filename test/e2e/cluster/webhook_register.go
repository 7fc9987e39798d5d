package cluster

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// registerTimeout bounds how long the API server may take to notice a registration; half a second is usual.
const registerTimeout = 15 * time.Second

// URL returns the base address of the webhook server, without a path.
func (w *Webhook) URL() string { return "https://" + address(w.ports.webhook) }

// HealthURL returns the base address of /healthz and /readyz.
func (w *Webhook) HealthURL() string { return "http://" + address(w.ports.health) }

// MetricsURL returns the base address of /metrics.
func (w *Webhook) MetricsURL() string { return "http://" + address(w.ports.metrics) }

// CA returns what a client has to trust, in PEM.
func (w *Webhook) CA() []byte { return bytes.Clone(w.ca) }

// Configuration returns the ValidatingWebhookConfiguration of the manifests with only its clientConfig
// changed: the service turned into this process's address, path kept, and the CA that it serves with.
func (w *Webhook) Configuration() (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	configuration, err := w.manifests.WebhookConfiguration()
	if err != nil {
		return nil, err
	}
	for i := range configuration.Webhooks {
		to := &configuration.Webhooks[i].ClientConfig
		if to.Service == nil || to.Service.Path == nil {
			return nil, fmt.Errorf("webhook %s names no service with a path", configuration.Webhooks[i].Name)
		}
		url := w.URL() + *to.Service.Path
		*to = admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: w.CA()}
	}
	return configuration, nil
}

// Register applies Configuration and returns once the API server calls the webhook. To find out, it
// tries server-side dry-run creates of a HelmRelease named spegel in namespace default: the webhook's logs and
// metrics show one or a few of them.
func (w *Webhook) Register(ctx context.Context) error {
	configuration, err := w.Configuration()
	if err != nil {
		return fmt.Errorf("register the webhook: %w", err)
	}
	return w.RegisterAs(ctx, configuration, "default")
}

// RegisterAs is Register with another configuration, tried in another namespace: one that it selects.
func (w *Webhook) RegisterAs(ctx context.Context, configuration *admissionregistrationv1.ValidatingWebhookConfiguration, namespace string) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configuration)
	if err != nil {
		return fmt.Errorf("register the webhook: %w", err)
	}
	before, err := w.cluster.webhookCalls(ctx, configuration.Webhooks[0].Name)
	if err != nil {
		return fmt.Errorf("register the webhook: %w", err)
	}
	if err := w.cluster.Apply(ctx, &unstructured.Unstructured{Object: content}); err != nil {
		return fmt.Errorf("register the webhook: %w", err)
	}
	if err := w.cluster.waitCalled(ctx, configuration.Webhooks[0].Name, namespace, before); err != nil {
		return fmt.Errorf("register the webhook: %w", err)
	}
	return nil
}

// waitCalled makes the API server review HelmReleases in a namespace until it counts more calls of a webhook than before.
func (c *Cluster) waitCalled(ctx context.Context, webhook, namespace, before string) error {
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	config := c.Config()
	config.WarningHandler = rest.NoWarnings{}
	api, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	for {
		probe := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"interval": "1h",
			"chartRef": map[string]any{"kind": "OCIRepository", "name": "spegel"},
		}}}
		probe.SetAPIVersion("helm.toolkit.fluxcd.io/v2")
		probe.SetKind("HelmRelease")
		probe.SetNamespace(namespace)
		probe.SetName("spegel")
		err := api.Create(ctx, probe, client.DryRunAll)
		if err != nil && !apierrors.IsForbidden(err) && !apierrors.IsAlreadyExists(err) {
			return err
		}
		calls, err := c.webhookCalls(ctx, webhook)
		if err != nil {
			return err
		}
		if calls != before {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server does not call %s: %w", webhook, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// webhookCalls returns the API server's own count of a webhook's calls: the lines of its metrics, which change
// with every call.
func (c *Cluster) webhookCalls(ctx context.Context, webhook string) (string, error) {
	api, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return "", err
	}
	metrics, err := api.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("read the API server's metrics: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(metrics)) {
		if strings.HasPrefix(line, "apiserver_admission_webhook_admission_duration_seconds_count") &&
			strings.Contains(line, `name="`+webhook+`"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, ""), nil
}
