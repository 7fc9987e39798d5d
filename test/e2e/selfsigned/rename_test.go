package selfsigned_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// apply does what kustomize-controller does with objects, and what the one does that has installed them here: each of
// them owns what it has applied.
func (s *selfSigned) apply(t *testing.T, objects ...*unstructured.Unstructured) {
	t.Helper()
	if err := s.cluster.Apply(t.Context(), objects...); err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for _, object := range objects {
		if err := json.NewEncoder(&in).Encode(object); err != nil {
			t.Fatal(err)
		}
	}
	// While a replica has written the caBundle and not yet taken its name off it, a webhook that goes is refused. Flux tries
	// again, and so does this.
	eventually(t, "the objects are applied", func() bool {
		result, err := s.cluster.KubectlInput(t.Context(), bytes.NewReader(in.Bytes()), "apply", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller", "-f", "-")
		if err != nil {
			t.Fatal(err)
		}
		return result.ExitCode == 0
	})
}

// rename is an upgrade that calls the webhooks something else, and then one that calls them as before. Nothing of the old
// name may be left behind: a webhook of which only the caBundle is left is invalid, and Flux could not apply the upgrade.
func (s *selfSigned) rename(t *testing.T) {
	shipped := s.Objects[1]
	renamed := shipped.DeepCopy()
	hooks, _, err := unstructured.NestedSlice(renamed.Object, "webhooks")
	if err != nil {
		t.Fatal(err)
	}
	for _, hook := range hooks {
		hook.(map[string]any)["name"] = "renamed." + hook.(map[string]any)["name"].(string)
	}
	if err := unstructured.SetNestedSlice(renamed.Object, hooks, "webhooks"); err != nil {
		t.Fatal(err)
	}
	for _, object := range []*unstructured.Unstructured{renamed, shipped} {
		s.apply(t, object)
		s.await(t, "every webhook has the caBundle", func(*corev1.Secret) bool { return true })
		config, err := s.api.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(t.Context(), ownConfiguration, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, hook := range config.Webhooks {
			got = append(got, hook.Name)
		}
		var want []string
		all, _, _ := unstructured.NestedSlice(object.Object, "webhooks")
		for _, hook := range all {
			want = append(want, hook.(map[string]any)["name"].(string))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("webhooks (-want +got):\n%s", diff)
		}
		accepted(t, s.kubectl(t, "apply", "--dry-run=server", "-f", goodFile))
	}
}
