package fluxrepo_test

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
)

const disguisedRelease = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: mirror, namespace: kube-system}
spec:
  interval: 1h
  chartRef: {kind: OCIRepository, name: NAME}
`

const disguisedSource = `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: NAME
  namespace: kube-system
spec: {interval: 1h, url: "URL", ref: {tag: 0.7.4}}
`

// TestPruningSeesThroughDisguises has one Kustomization hold a release that says nothing of Spegel, and another one
// make what it refers to Spegel's, without that standing in the source's own file.
func TestPruningSeesThroughDisguises(t *testing.T) {
	t.Parallel()
	const chart, other = "oci://ghcr.io/spegel-org/helm-charts/spegel", "oci://ghcr.io/example/charts/mirror"
	source := func(name, url string) string {
		return strings.NewReplacer("NAME", name, "URL", url).Replace(disguisedSource)
	}
	secret := func(name, namespace, key, value string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: " + namespace + "}\ndata: {" + key + ": " + base64.StdEncoding.EncodeToString([]byte(value)) + "}\n"
	}
	replace := func(value, field string) map[string]string {
		return map[string]string{
			"a/c.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: kube-system}\ndata: {v: \"" + value + "\"}\n",
			"a/kustomization.yaml": "resources: [o.yaml, c.yaml]\nreplacements:\n  - source: {kind: ConfigMap, name: c, fieldPath: data.v}\n    targets:\n      - select: {kind: OCIRepository}\n        fieldPaths: [" + field + "]\n",
		}
	}
	from := func(secret string) string {
		return "  postBuild: {substituteFrom: [{kind: Secret, name: " + secret + "}]}\n"
	}
	for name, c := range map[string]struct {
		source, refersTo string
		a, b             string // more fields of the Kustomizations
		files            map[string]string
		values           string // more fields of the release
	}{
		"a variable in the URL":  {source: source("mm", "${U}"), refersTo: "mm", a: "  postBuild: {substitute: {U: \"" + chart + "\"}}\n"},
		"a variable as the name": {source: source("${N}", chart), refersTo: "qq", a: "  postBuild: {substitute: {N: qq}}\n"},
		"a patch of the URL":     {source: source("mm", other), refersTo: "mm", a: "  patches:\n    - target: {name: mm}\n      patch: |\n        - {op: replace, path: /spec/url, value: \"" + chart + "\"}\n"},
		"a patch of the name":    {source: source("mm", chart), refersTo: "qq", a: "  patches:\n    - target: {name: mm}\n      patch: |\n        - {op: replace, path: /metadata/name, value: qq}\n"},
		"a patch file of a component": {source: source("mm", other), refersTo: "mm", a: "  components: [../comp]\n", files: map[string]string{
			"comp/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml, target: {kind: OCIRepository}}]\n",
			"comp/p.yaml":             "- {op: replace, path: /spec/url, value: \"" + chart + "\"}\n",
		}},
		"a replacement of the URL":  {source: source("mm", other), refersTo: "mm", files: replace(chart, "spec.url")},
		"a replacement of the name": {source: source("mm", chart), refersTo: "qq", files: replace("qq", "metadata.name")},
		"a Secret with the chart":   {source: source("mm", "${U}"), refersTo: "mm", a: from("vars"), files: map[string]string{"clusters/s.yaml": secret("vars", "flux-system", "U", chart)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write := func(name, text string) { writeFile(t, filepath.Join(root, name), text) }
			write("clusters/root.yaml", generatedKustomization("root", "flux-system", "./clusters", ""))
			write("clusters/a.yaml", generatedKustomization("a", "flux-system", "./a", c.a))
			write("clusters/b.yaml", generatedKustomization("b", "flux-system", "./b", c.b))
			write("b/release.yaml", strings.Replace(disguisedRelease, "NAME", c.refersTo, 1)+c.values)
			if c.source != "" {
				write("a/o.yaml", c.source)
			}
			for name, text := range c.files {
				write(name, text)
			}
			pruned := prunedAlike(t, root)
			if !strings.Contains(pruned, "kube-system/mirror") {
				t.Errorf("no release was found:\n%s", pruned)
			}
		})
	}
}
