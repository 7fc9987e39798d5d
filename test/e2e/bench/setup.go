package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// bed is one API server with all variants in it.
type bed struct {
	cluster      *cluster.Cluster
	guard, allow *cluster.Webhook
	client       *client
}

// The namespace of each variant.
const (
	nothing    = "bench-nothing"
	never      = "bench-never"
	cel        = "bench-cel"
	allow      = "bench-allow"
	guard      = "bench-guard"
	references = "bench-references"
	values     = "bench-values"
)

func setUp(ctx context.Context, o options) (*bed, error) {
	crds, err := cluster.CRDs()
	if err != nil {
		return nil, err
	}
	c, err := cluster.Start(ctx, cluster.Options{CRDs: crds})
	if err != nil {
		return nil, err
	}
	b := &bed{cluster: c}
	for _, ns := range []string{nothing, never, cel, allow, guard, references, values} {
		if err := b.apply(ctx, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+ns+"}\n"); err != nil {
			return b, err
		}
	}
	if err := b.apply(ctx, referred+"---\n"+releasesOfValues()); err != nil {
		return b, err
	}
	if b.client, err = newClient(c.Config()); err != nil {
		return b, err
	}
	if err := b.installCELPolicies(ctx); err != nil {
		return b, err
	}
	if b.guard, err = b.install(ctx, "guard.spegel-guard.dev", "", guard, references, values); err != nil {
		return b, err
	}
	// Before the next one, whose registration waits until the API server has taken it in.
	if err := b.registerNever(ctx); err != nil {
		return b, err
	}
	b.allow, err = b.install(ctx, "allow.spegel-guard.dev", o.allow, allow)
	return b, err
}

// registerNever registers a webhook that is never called: what the API server spends on any webhook with a match condition.
func (b *bed) registerNever(ctx context.Context) error {
	configuration, err := b.guard.Configuration()
	if err != nil {
		return err
	}
	configuration.Name = "never.spegel-guard.dev"
	configuration.Webhooks = configuration.Webhooks[:1]
	configuration.Webhooks[0].Name = configuration.Name
	configuration.Webhooks[0].NamespaceSelector = in(never)
	configuration.Webhooks[0].MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "never", Expression: "false"}}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configuration)
	if err != nil {
		return err
	}
	return b.cluster.Apply(ctx, &unstructured.Unstructured{Object: content})
}

// install starts a webhook and registers it, under a name of its own, for these namespaces.
func (b *bed) install(ctx context.Context, name, program string, namespaces ...string) (*cluster.Webhook, error) {
	w, err := b.cluster.StartWebhook(ctx, cluster.WebhookOptions{Binary: program, Policy: []byte(policy)})
	if err != nil {
		return nil, err
	}
	configuration, err := w.Configuration()
	if err != nil {
		return nil, err
	}
	runs, err := daemonSetEntry(configuration.Webhooks[0].ClientConfig)
	if err != nil {
		return nil, err
	}
	configuration.Name = name
	const onUpdate = 1
	configuration.Webhooks = append(slices.Delete(configuration.Webhooks, onUpdate, onUpdate+1), runs) // the ones for creates
	for i, entry := range []string{name, "configmaps." + name, "daemonsets." + name} {
		configuration.Webhooks[i].Name = entry
	}
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].NamespaceSelector = in(namespaces...)
	}
	err = w.RegisterAs(ctx, configuration, namespaces[0])
	return w, err
}

// daemonSetEntry is the one of components/daemonset, for a webhook that is called like this.
func daemonSetEntry(to admissionregistrationv1.WebhookClientConfig) (entry admissionregistrationv1.ValidatingWebhook, err error) {
	root, err := cluster.Root()
	if err != nil {
		return entry, err
	}
	rendered, err := cluster.RenderComponents(filepath.Join(root, "manifests"), "cert-manager", "daemonset")
	if err != nil {
		return entry, err
	}
	configuration, err := rendered.WebhookConfiguration()
	if err != nil {
		return entry, err
	}
	for _, entry := range configuration.Webhooks {
		if entry.Name != "daemonsets.spegel-guard.dev" {
			continue
		}
		u, err := url.Parse(*to.URL)
		if err != nil {
			return entry, err
		}
		u.Path = *entry.ClientConfig.Service.Path
		entry.ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: new(u.String()), CABundle: to.CABundle}
		return entry, nil
	}
	return entry, errors.New("the component has no entry for DaemonSets")
}

// installCELPolicies applies the components for one namespace and waits until the API server refuses by it.
func (b *bed) installCELPolicies(ctx context.Context) error {
	objects, err := cluster.CELPolicies()
	if err != nil {
		return err
	}
	for _, object := range objects {
		if object.GetKind() == "ValidatingAdmissionPolicy" {
			selector := map[string]any{"matchLabels": map[string]any{namespaceLabel: cel}}
			if err := unstructured.SetNestedField(object.Object, selector, "spec", "matchConstraints", "namespaceSelector"); err != nil {
				return err
			}
		}
		if object.GetKind() == "ConfigMap" {
			if err := unstructured.SetNestedField(object.Object, strings.Join(privateRegistries, "\n"), "data", "privateRegistries"); err != nil {
				return err
			}
		}
	}
	if err := b.cluster.Apply(ctx, objects...); err != nil {
		return err
	}
	private := strings.Replace(spegel, "https://quay.io", "https://harbor.example.com:8443", 1)
	for range 300 {
		code, err := b.client.create(ctx, helmReleases, cel, []byte(private))
		if err != nil || code == 403 {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the API server does not refuse by the CEL policies")
}

// namespaceLabel is on every namespace, with its name.
const namespaceLabel = "kubernetes.io/metadata.name"

func in(namespaces ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: namespaceLabel, Operator: metav1.LabelSelectorOpIn, Values: namespaces},
	}}
}

func (b *bed) apply(ctx context.Context, manifests string) error {
	result, err := b.cluster.KubectlInput(ctx, strings.NewReader(manifests), "apply", "-f", "-")
	if err == nil && result.ExitCode != 0 {
		err = fmt.Errorf("kubectl apply: %s", result.Output)
	}
	return err
}
