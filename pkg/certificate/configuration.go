package certificate

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fieldOwner is the name under which the caBundle is written by server-side apply.
const fieldOwner = "spegel-guard"

// LookAt returns a function that reads a ValidatingWebhookConfiguration, for Monitor.Look. One that is not
// there or may not be read is nil, and no error: then nothing is known of it.
func LookAt(reader client.Reader, name string) func(context.Context) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	return func(ctx context.Context) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
		config, err := readConfiguration(ctx, reader, name)
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			return nil, nil
		}
		return config, err
	}
}

func readConfiguration(ctx context.Context, reader client.Reader, name string) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	var config admissionregistrationv1.ValidatingWebhookConfiguration
	if err := reader.Get(ctx, client.ObjectKey{Name: name}, &config); err != nil {
		return nil, fmt.Errorf("read ValidatingWebhookConfiguration %s: %w", name, err)
	}
	return &config, nil
}

// caBundle is what all webhooks of a configuration trust.
func caBundle(config *admissionregistrationv1.ValidatingWebhookConfiguration) []*x509.Certificate {
	if config == nil || len(config.Webhooks) == 0 {
		return nil
	}
	bundle := parse(config.Webhooks[0].ClientConfig.CABundle)
	for _, w := range config.Webhooks[1:] {
		if !same(bundle, parse(w.ClientConfig.CABundle)) {
			return nil // written anew
		}
	}
	return bundle
}

// inject writes the caBundle of every webhook, and no other field: an update would write all of them, and
// lose those of a newer Kubernetes. The resource version makes it fail if another replica was faster.
func (s *SelfSigned) inject(ctx context.Context, config *admissionregistrationv1.ValidatingWebhookConfiguration, bundle []byte) error {
	type clientConfig struct {
		CABundle []byte `json:"caBundle"`
	}
	type webhook struct {
		Name         string       `json:"name"`
		ClientConfig clientConfig `json:"clientConfig"`
	}
	patch := struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        map[string]string `json:"metadata"`
		Webhooks        []webhook         `json:"webhooks"`
	}{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "ValidatingWebhookConfiguration"},
		Metadata: map[string]string{"name": config.Name, "resourceVersion": config.ResourceVersion},
	}
	for _, w := range config.Webhooks {
		patch.Webhooks = append(patch.Webhooks, webhook{w.Name, clientConfig{bundle}})
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	err = s.Client.Patch(ctx, config, client.RawPatch(types.ApplyPatchType, body), client.FieldOwner(fieldOwner), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("write the caBundle of ValidatingWebhookConfiguration %s: %w", config.Name, err)
	}
	s.Log.Info("caBundle written", "configuration", config.Name)
	return nil
}

// disown takes the writer's name off the caBundle, which stays as it is. While it is owned here, a webhook that an upgrade
// renames could not go: its caBundle would be left, alone, and the API server refuses such a webhook, so that Flux
// could not apply the upgrade. What nobody owns, Flux and kubectl leave alone, and remove together with its webhook.
func (s *SelfSigned) disown(ctx context.Context, config *admissionregistrationv1.ValidatingWebhookConfiguration) error {
	mine := slices.IndexFunc(config.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == fieldOwner })
	if mine < 0 {
		return nil
	}
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value,omitempty"`
	}
	body, err := json.Marshal([]operation{
		{"replace", "/metadata/resourceVersion", config.ResourceVersion}, // so that the index is still right
		{"remove", fmt.Sprintf("/metadata/managedFields/%d", mine), ""},
	})
	if err != nil {
		return err
	}
	if err := s.Client.Patch(ctx, config, client.RawPatch(types.JSONPatchType, body), client.FieldOwner(fieldOwner)); err != nil {
		return fmt.Errorf("disown the caBundle of ValidatingWebhookConfiguration %s: %w", config.Name, err)
	}
	return nil
}
