package fluxrepo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

const twoContainers = `apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
spec: {template: {spec: {containers: [{name: a, image: "https://docker.io"}, {name: b, image: "https://harbor.example.com"}]}}}
`

// TestBuiltinSchema checks that a build that does without kustomize's schema of Kubernetes' own kinds ends
// like one that has it, and that it is there where it could make a difference.
func TestBuiltinSchema(t *testing.T) {
	t.Parallel()
	const patch = "patches: [{target: {kind: HelmRelease}, patch: '{apiVersion: x, kind: x, metadata: {name: x}, spec: {values: {extra: %}}}'}]\n"
	patched := func(extra string) string {
		return "resources: [release.yaml]\n" + strings.Replace(patch, "%", extra, 1)
	}
	const deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {template: {spec: {containers: [{name: b, tty: true}]}}}}"
	for name, c := range map[string]struct {
		files map[string]string
	}{
		"only releases are patched": {map[string]string{"kustomization.yaml": patched("{a: b}")}},
		"an operation on anything": {map[string]string{
			"kustomization.yaml": "resources: [release.yaml]\npatches: [{target: {name: spegel}, patch: '[{\"op\": \"add\", \"path\": \"/spec/interval\", \"value\": \"1h\"}]'}]\n",
		}},
		"a name is put into releases": {map[string]string{
			"kustomization.yaml": patched("b") + "replacements: [{source: {kind: HelmRelease}, targets: [{select: {kind: HelmRelease}, fieldPaths: [spec.values.extra]}]}]\n",
		}},
		"a Deployment is patched, and a value taken out of it": {map[string]string{
			"kustomization.yaml": "resources: [release.yaml, deployment.yaml]\npatches: [{patch: '" + deployment + "'}]\n" +
				`replacements: [{source: {kind: Deployment, fieldPath: "spec.template.spec.containers.[name=b].image"}, targets: [{select: {kind: HelmRelease}, fieldPaths: [spec.values.spegel.mirroredRegistries.0]}]}]`,
			"deployment.yaml": twoContainers,
		}},
		"a value is taken out of what a list in a Deployment has become": {map[string]string{
			"kustomization.yaml": "resources: [release.yaml, deployment.yaml]\npatches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {template: {spec: {containers: [{name: a, image: \"https://ghcr.io\", $patch: delete}]}}}}'}]\n" +
				`replacements: [{source: {kind: Deployment, fieldPath: "spec.template.spec.containers.0.image"}, targets: [{select: {kind: HelmRelease}, fieldPaths: [spec.values.spegel.mirroredRegistries.0]}]}]`,
			"deployment.yaml": twoContainers,
		}},
		"a value is put into releases": {map[string]string{
			"kustomization.yaml": patched("b") + "replacements: [{source: {kind: HelmRelease, fieldPath: spec.chart}, targets: [{select: {kind: HelmRelease}, fieldPaths: [spec.values.extra]}]}]\n",
		}},
		"a name becomes a kind": {map[string]string{
			"kustomization.yaml": patched("{kind: a}") + "replacements: [{source: {kind: HelmRelease}, targets: [{select: {kind: HelmRelease}, fieldPaths: [spec.values.extra.kind]}]}]\n",
		}},
		"a variable of kustomize's": {map[string]string{
			"kustomization.yaml": patched("b") + "vars: [{name: A, objref: {apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, name: spegel}}]\n",
		}},
		"an old patch of a Deployment": {map[string]string{
			"kustomization.yaml": "resources: [release.yaml, deployment.yaml]\npatchesStrategicMerge: ['" + deployment + "']\n",
			"deployment.yaml":    twoContainers,
		}},
		"anything of a name is patched": {map[string]string{
			"kustomization.yaml": "resources: [release.yaml]\npatches: [{target: {name: spegel}, patch: '{apiVersion: x, kind: x, metadata: {name: x, labels: {a: b}}}'}]\n",
		}},
		"an object in the values is patched": {map[string]string{
			"kustomization.yaml": patched("{spec: {containers: [{name: b}]}}"),
			"release.yaml":       badRelease + "    extra:\n      apiVersion: v1\n      kind: Pod\n      spec: {containers: [{name: a}]}\n",
		}},
		"a patch brings an object into the values": {map[string]string{
			"kustomization.yaml": patched("{apiVersion: v1, kind: Pod, spec: {containers: [{name: b}]}}"),
		}},
		"an operation makes an object of values": {map[string]string{
			"kustomization.yaml": patched("{kind: Pod}") + "components: [first]\n",
			"first/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" +
				"patches: [{target: {kind: HelmRelease}, patch: '[{\"op\": \"add\", \"path\": \"/spec/values/apiVersion\", \"value\": \"v1\"}]'}]\n",
		}},
		"a comment names a schema": {map[string]string{
			"kustomization.yaml": patched("b"),
			"release.yaml":       badRelease + "    extra: a # {\"$ref\": \"#/definitions/io.k8s.api.core.v1.PodSpec\"}\n",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "clusters/root.yaml"), generatedKustomization("root", "flux-system", "./app", ""))
			writeFile(t, filepath.Join(root, "app/release.yaml"), badRelease)
			for name, text := range c.files {
				writeFile(t, filepath.Join(root, "app", name), text)
			}
			without := render(root, check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com"))
			with := render(root, check(t, fluxrepo.Options{Paths: []string{root}, All: true}, "harbor.example.com"))
			if diff := cmp.Diff(with, without); diff != "" {
				t.Errorf("-with the schema +as usual:\n%s", diff)
			}
			if !strings.Contains(with, "private-registry-mirrored") || strings.Contains(with, "error") {
				t.Error(with)
			}
		})
	}
}
