package e2e_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// TestEveryRuleThroughKubectl breaks each rule in each way that kubectl has of sending an object; in the short form, each rule in one
// way, and each way with one rule or more.
func TestEveryRuleThroughKubectl(t *testing.T) {
	t.Parallel()
	ns := namespace(t, "rules")
	ways := []string{
		"create", "apply", "apply --server-side", "create --dry-run=server", "apply --dry-run=server", "apply --server-side --dry-run=server",
		"diff", "diff --server-side",
	}
	rules := validate.Rules()
	for i, rule := range rules {
		for j, way := range ways {
			if testing.Short() && (i-j)%min(len(rules), len(ways)) != 0 {
				continue
			}
			t.Run(rule.ID+"/"+way, func(t *testing.T) {
				name := "spegel-" + rule.ID
				result := kubectlInput(t, release(t, name, rule.Bad), append([]string{"-n", ns, "-f", "-"}, strings.Fields(way)...)...)
				if rule.Default == validate.Deny {
					refused(t, result, rule.ID)
					return
				}
				if want := "Warning: " + rule.ID + ": spec.values."; !strings.Contains(result.Output, want) {
					t.Errorf("no warning %q:\n%s", want, result.Output)
				}
				kubectl(t, "-n", ns, "delete", "helmrelease", name, "--ignore-not-found")
			})
		}
	}
	if out := accepted(t, kubectl(t, "-n", ns, "get", "helmreleases", "-o", "name")); out != "" {
		t.Errorf("left behind:\n%s", out)
	}
	for _, rule := range rules {
		t.Run(rule.ID+"/fixed", func(t *testing.T) {
			out := accepted(t, kubectlInput(t, release(t, "spegel-"+rule.ID, rule.Good), "-n", ns, "apply", "-f", "-"))
			if strings.Contains(out, "Warning:") {
				t.Errorf("a warning for fixed values:\n%s", out)
			}
		})
	}
}

// release is a HelmRelease with these values. The examples of the rules take harbor.example.com for
// private; here the policy's name for a private host stands in.
func release(t testing.TB, name, values string) string {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(values, "harbor.example.com", "registry.example.ts.net")), &v); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"interval": "1h", "chartRef": map[string]any{"kind": "OCIRepository", "name": "spegel"}, "values": v,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// secretRelease is a HelmRelease that takes its values from a Secret.
func secretRelease(ns string) string {
	return `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: ` + ns + `}
spec:
  interval: 1h
  chartRef: {kind: OCIRepository, name: spegel, namespace: ` + ns + `}
  valuesFrom: [{kind: Secret, name: spegel-values}]
`
}

// TestWhatKubectlPrints keeps the texts that a person sees.
func TestWhatKubectlPrints(t *testing.T) {
	t.Parallel()
	ns := namespace(t, "texts")
	clustertest.Golden(t, "testdata/golden/apply-incident.txt", refused(t, kubectl(t, "-n", ns, "apply", "-f", badFile)))
	clustertest.Golden(t, "testdata/golden/apply-good.txt", accepted(t, kubectl(t, "-n", ns, "apply", "-f", goodFile)))
	clustertest.Golden(t, "testdata/golden/patch-list.txt", accepted(t, kubectl(t, "-n", ns, "patch", "helmrelease", "spegel", "--type=merge",
		"-p", `{"spec":{"values":{"spegel":{"mirroredRegistries":["https://ghcr.io"]}}}}`)))
	clustertest.Golden(t, "testdata/golden/patch-private.txt", refused(t, kubectl(t, "-n", ns, "patch", "helmrelease", "spegel", "--type=merge",
		"-p", `{"spec":{"values":{"spegel":{"mirroredRegistries":["registry.example.ts.net/v2","*","https://user:hunter2@a.internal.example.com"],"appendMirrors":true}}}}`)))
	clustertest.Golden(t, "testdata/golden/suspend-bad.txt", accepted(t, kubectl(t, "-n", ns, "patch", "helmrelease", "spegel", "--type=merge",
		"-p", `{"spec":{"suspend":true,"values":{"spegel":{"mirroredRegistries":null,"registries":["https://ghcr.io"]}}}}`)))
}
