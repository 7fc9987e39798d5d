package e2e_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// BenchmarkReview times server-side dry-run creates through the API server and the webhook behind it:
// what a release costs with inline values, with one ConfigMap, with one source, and with both. Another
// chart's release, which the match conditions keep from the webhook, is the base to compare with.
func BenchmarkReview(b *testing.B) {
	namespace(b, "bench")
	accepted(b, kubectlInput(b, strings.ReplaceAll(ociRepository, "name: spegel}", "name: spegel, namespace: bench}"), "apply", "-f", "-"))
	accepted(b, kubectlInput(b, `apiVersion: v1
kind: ConfigMap
metadata: {name: spegel-values, namespace: bench}
data: {values.yaml: 'spegel: {mirroredRegistries: ["https://docker.io"]}'}
`, "apply", "-f", "-"))

	const (
		head   = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: NAME, namespace: bench}\nspec:\n  interval: 1h\n"
		named  = "  chart: {spec: {chart: NAME, sourceRef: {kind: HelmRepository, name: charts}}}\n"
		source = "  chartRef: {kind: OCIRepository, name: spegel}\n"
		inline = "  values: {spegel: {mirroredRegistries: [\"https://docker.io\"]}}\n"
		from   = "  valuesFrom: [{kind: ConfigMap, name: spegel-values}]\n"
	)
	config := shared.Config()
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	c, err := client.New(config, client.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct{ name, release, manifest string }{
		{"another-chart", "podinfo", head + named},
		{"inline", "spegel", head + named + inline},
		{"configmap", "spegel", head + named + from},
		{"source", "spegel", head + source + inline},
		{"configmap-and-source", "spegel", head + source + from},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var obj unstructured.Unstructured
			if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(bench.manifest, "NAME", bench.release)), &obj.Object); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := c.Create(b.Context(), obj.DeepCopy(), client.DryRunAll); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
