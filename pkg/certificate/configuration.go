package certificate

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fieldOwner is the name under which the caBundle is written.
const fieldOwner = "spegel-guard"

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
// lose those of a newer Kubernetes.
func (s *SelfSigned) inject(ctx context.Context, config *admissionregistrationv1.ValidatingWebhookConfiguration, bundle []byte) error {
	var put []operation
	for i := range config.Webhooks {
		put = append(put, operation{"add", fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), bundle})
	}
	if err := s.patch(ctx, config, put...); err != nil {
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
	if err := s.patch(ctx, config, operation{"remove", fmt.Sprintf("/metadata/managedFields/%d", mine), nil}); err != nil {
		return fmt.Errorf("disown the caBundle of ValidatingWebhookConfiguration %s: %w", config.Name, err)
	}
	return nil
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// patch changes a configuration as it was read: it fails if another replica was faster, and indices are right.
func (s *SelfSigned) patch(ctx context.Context, config *admissionregistrationv1.ValidatingWebhookConfiguration, does ...operation) error {
	body, err := json.Marshal(slices.Insert(does, 0, operation{"replace", "/metadata/resourceVersion", config.ResourceVersion}))
	if err != nil {
		return err
	}
	return s.Client.Patch(ctx, config, client.RawPatch(types.JSONPatchType, body), client.FieldOwner(fieldOwner))
}
