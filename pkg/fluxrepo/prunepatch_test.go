package fluxrepo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

const badRelease = quickStart + "  values:\n    spegel:\n      mirroredRegistries:\n        - https://harbor.example.com\n"

// TestPruningSeesThrough checks ways to lead to a release that do not stand in a Kustomization in a YAML
// file.
func TestPruningSeesThrough(t *testing.T) {
	t.Parallel()
	const patched = "resources: [../base]\n"
	const repl = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: to, namespace: flux-system}\ndata: {path: ./apps/prod}\n"
	const json = `"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "b", "namespace": "flux-system"}, ` +
		`"spec": {"path": "./apps/prod", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}}`
	for name, files := range map[string]map[string]string{
		"a JSON file": {"kustomization.yaml": "resources: [b.json]\n", "b.json": "{" + json + "}"},
		"a list":      {"b.yaml": `{"apiVersion": "v1", "kind": "List", "items": [{` + json + `}, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]}`},
		"a patch file": {
			"kustomization.yaml": patched + "patches: [{path: p.yaml}]\n",
			"p.yaml":             "{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps, namespace: flux-system}, spec: {path: ./apps/prod}}\n",
		},
		"a patch in flow style": {
			"kustomization.yaml": patched + "patches: [{target: {kind: Kustomization}, patch: '{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps}, spec: {path: ./apps/prod}}'}]\n",
		},
		"a JSON patch file": {
			"kustomization.yaml": patched + "patches: [{target: {name: apps}, path: p.json}]\n",
			"p.json":             `[{"op": "replace", "path": "/spec/path", "value": "./apps/prod"}]`,
		},
		"an old JSON patch": {
			"kustomization.yaml": patched + "patchesJson6902: [{target: {group: kustomize.toolkit.fluxcd.io, version: v1, kind: Kustomization, name: apps}, path: p.yaml}]\n",
			"p.yaml":             "- {op: replace, path: /spec/path, value: ./apps/prod}\n",
		},
		"a replacement": {
			"kustomization.yaml": "resources: [../base, to.yaml]\nreplacements: [{source: {kind: ConfigMap, name: to, fieldPath: data.path}, targets: [{select: {kind: Kustomization}, fieldPaths: [spec.path]}]}]\n",
			"to.yaml":            repl,
		},
		"a patch with components": {
			"kustomization.yaml": patched + `patches: [{target: {kind: "Kustom.*"}, patch: '[{"op": "add", "path": "/spec/components", "value": ["../comp"]}]'}]`,
		},
		"a patch that a patch brings": {
			"kustomization.yaml":      patched + `patches: [{target: {kind: Kustomization, name: "ap+s"}, patch: '[{"op": "add", "path": "/spec/patches", "value": [{"target": {"kind": "Kustomization"}, "patch": "[{\"op\": \"replace\", \"path\": \"/spec/path\", \"value\": \"./apps/prod\"}]"}]}]'}]`,
			"../../apps/base/ks.yaml": generatedKustomization("inner", "flux-system", "./apps/none", ""),
			"../../apps/none/x.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y, namespace: default}\n",
		},
		"a generated variable": {
			"kustomization.yaml":          "resources: [../base/apps.yaml]\nconfigMapGenerator: [{name: vars, namespace: flux-system, envs: [vars.env], options: {disableNameSuffixHash: true}}]\npatches: [{target: {kind: Kustomization}, patch: '{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: apps}, spec: {path: ./apps/var, postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}}}'}]\n",
			"vars.env":                    "CHART=spegel\n",
			"../../apps/var/release.yaml": strings.NewReplacer("spegel", "${CHART}").Replace(badRelease),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "clusters/root.yaml"), generatedKustomization("root", "flux-system", "./clusters/prod", ""))
			writeFile(t, filepath.Join(root, "clusters/base/apps.yaml"), generatedKustomization("apps", "flux-system", "./apps/base", ""))
			writeFile(t, filepath.Join(root, "clusters/base/kustomization.yaml"), "resources: [apps.yaml]\n")
			writeFile(t, filepath.Join(root, "apps/base/x.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: default}\n")
			writeFile(t, filepath.Join(root, "apps/prod/release.yaml"), badRelease)
			writeFile(t, filepath.Join(root, "apps/comp/release.yaml"), badRelease)
			writeFile(t, filepath.Join(root, "apps/comp/kustomization.yaml"), "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [release.yaml]\n")
			for name, text := range files {
				writeFile(t, filepath.Join(root, "clusters/prod", name), text)
			}
			pruned := prunedAlike(t, root)
			if !strings.Contains(pruned, "from clusters/root.yaml#flux-system/root") {
				t.Errorf("no release was built:\n%s", pruned)
			}
		})
	}
}

// prunedAlike checks a repository with and without pruning, which has to make no difference, and returns the report.
func prunedAlike(t *testing.T, root string) string {
	t.Helper()
	pruned := render(root, check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com"))
	all := render(root, check(t, fluxrepo.Options{Paths: []string{root}, All: true}, "harbor.example.com"))
	if diff := cmp.Diff(pruned, all); diff != "" {
		t.Errorf("-pruned +everything built:\n%s", diff)
	}
	return pruned
}
