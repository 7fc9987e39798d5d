package release_test

import (
	"context"
	"fmt"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// configMaps answers for one ConfigMap and forbids everything else.
type configMaps map[string]string

func (data configMaps) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	cm, ok := obj.(*corev1.ConfigMap)
	if !ok || key.Name != "spegel-values" {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, key.Name, nil)
	}
	cm.Data = data
	return nil
}

// The ConfigMap still has the key that the chart ignores, and the Secret can't be read: it might set the
// list, so that this is not set is no finding; but it can't take the dead key away, because inline values
// and references after it win.
func Example() {
	hr := &helmv2.HelmRelease{}
	hr.Namespace, hr.Name = "kube-system", "spegel"
	hr.Spec.Chart = &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{Chart: "spegel"}}
	hr.Spec.Values = &apiextensionsv1.JSON{Raw: []byte(`{"registries": ["https://ghcr.io"]}`)}
	hr.Spec.ValuesFrom = []helmv2.ValuesReference{
		{Kind: "Secret", Name: "spegel-secrets"},
		{Kind: "ConfigMap", Name: "spegel-values"},
	}
	reader := configMaps{"values.yaml": "spegel:\n  registries: [https://docker.io]\n"}

	rel := release.Resolve(context.Background(), hr, release.Options{Charts: []string{"spegel"}, Reader: reader})
	res := rel.Evaluate(validate.Policy{})
	for _, f := range res.Findings {
		fmt.Printf("%s %s (%s)\n", f.Severity, f.Field(), f.Rule)
	}
	for _, ref := range res.Unresolved {
		fmt.Printf("unresolved %s %s/%s: %s\n", ref.Kind, ref.Namespace, ref.Name, ref.Reason)
	}
	// Output:
	// deny valuesFrom ConfigMap kube-system/spegel-values key values.yaml: spegel.registries (legacy-registries-key)
	// warn spec.values.registries (misplaced-registries-key)
	// unresolved Secret kube-system/spegel-secrets: not permitted to read
}
