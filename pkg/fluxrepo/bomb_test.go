package fluxrepo_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// bomb is YAML that grows to five million nodes: more than a check takes, and some GiB in kustomize.
func bomb(indent int) string {
	var b strings.Builder
	space := strings.Repeat(" ", indent)
	b.WriteString(space + "a: &a [x]\n")
	for c := 'b'; c < 'i'; c++ {
		fmt.Fprintf(&b, "%s%c: &%c [%s*%c]\n", space, c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
	}
	return b.String()
}

// TestAliasBombs puts one in every place that something decodes: a clear error, with the release beside
// it found all the same, and not more memory than a usual check takes.
func TestAliasBombs(t *testing.T) {
	t.Parallel()
	const list = "resources: [release.yaml]\n"
	const from = quickStart + "  valuesFrom: [{kind: ConfigMap, name: v}]\n"
	const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: kube-system}\ndata:\n  values.yaml: |\n    spegel: {}\n"
	values := quickStart + "  values:\n" + bomb(4)
	indented := func(s, by string) string { return by + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n"+by) + "\n" }
	const tooLarge = "too large when its aliases are expanded|excessive aliasing"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a kustomization": {map[string]string{"kustomization.yaml": list + bomb(0)}, tooLarge},
		"annotations":     {map[string]string{"kustomization.yaml": list + "commonAnnotations:\n" + bomb(2)}, tooLarge},
		"a release":       {map[string]string{"other.yaml": strings.ReplaceAll(values, "name: spegel", "name: spegel-2")}, tooLarge},
		"a values file": {map[string]string{
			"release.yaml": from, "bomb.yaml": "spegel: {}\n" + bomb(0),
			"kustomization.yaml": list + "configMapGenerator: [{name: v, namespace: kube-system, files: [values.yaml=bomb.yaml], options: {disableNameSuffixHash: true}}]\n",
		}, "is too large"},
		"a values file with another name": {map[string]string{
			"release.yaml": from, "bomb.txt": "spegel: {}\n" + bomb(0),
			"kustomization.yaml": list + "configMapGenerator: [{name: v, namespace: kube-system, files: [values.yaml=bomb.txt], options: {disableNameSuffixHash: true}}]\n",
		}, "is too large"},
		"values in a ConfigMap": {map[string]string{"release.yaml": from, "v.yaml": configMap + bomb(4)}, "unresolved ConfigMap kube-system/v values.yaml: is too large"},
		"values in a patch":     {map[string]string{"release.yaml": from, "v.yaml": strings.Replace(configMap, "spegel: {}", "a: 1", 1), "kustomization.yaml": "resources: [release.yaml, v.yaml]\npatches:\n- patch: |\n" + indented(configMap+bomb(4), "    ")}, "is too large"},
		"a patch":               {map[string]string{"kustomization.yaml": list + "patches:\n- patch: |\n" + indented(values, "    ")}, "a patch is too large"},
		"operations": {map[string]string{
			"kustomization.yaml": list + "patches:\n- target: {kind: HelmRelease}\n  patch: |\n    - op: add\n      path: /spec/values\n      value:\n" + bomb(8),
		}, "a patch is too large"},
		"an old patch":             {map[string]string{"kustomization.yaml": list + "patchesStrategicMerge:\n- |\n" + indented(values, "  ")}, "a patch is too large"},
		"a patch file":             {map[string]string{"kustomization.yaml": list + "patches: [{path: p.yaml}]\n", "p.yaml": values}, tooLarge},
		"a patch file, other name": {map[string]string{"kustomization.yaml": list + "patches: [{path: p.txt}]\n", "p.txt": values}, tooLarge},
		"a patch of Flux's":        {map[string]string{"../clusters/ks.yaml": generatedKustomization("apps", "flux-system", "./apps", "  patches:\n  - patch: |\n"+indented(values, "      "))}, "a patch is too large"},
		"replacements":             {map[string]string{"kustomization.yaml": list + "replacements: [{path: r.txt}]\n", "r.txt": bomb(0)}, tooLarge},
		"a transformer":            {map[string]string{"kustomization.yaml": list + "transformers: [t.txt]\n", "t.txt": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\n" + bomb(0)}, tooLarge},
		"a transformer in place": {map[string]string{
			"kustomization.yaml": list + "transformers:\n- |\n" + indented("apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\n"+bomb(0), "  "),
		}, tooLarge},
		"configurations": {map[string]string{"kustomization.yaml": list + "configurations: [c.txt]\n", "c.txt": bomb(0)}, tooLarge},
		"an open API":    {map[string]string{"kustomization.yaml": list + "openapi: {path: c.txt}\n", "c.txt": bomb(0)}, tooLarge},
		"variables":      {map[string]string{"../clusters/ks.yaml": generatedKustomization("apps", "flux-system", "./apps", "  postBuild:\n    substitute:\n"+bomb(6))}, tooLarge},
		"merge keys":     {map[string]string{"other.yaml": quickStart + "  values:\n" + strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(bomb(4), "[x]", "{x: y}"), "[", "{<<: ["), "]", "]}")}, tooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "clusters/ks.yaml"), generatedKustomization("apps", "flux-system", "./apps", ""))
			writeFile(t, filepath.Join(root, "apps/release.yaml"), quickStart)
			for name, text := range c.files {
				writeFile(t, filepath.Join(root, "apps", name), text)
			}
			out := render(root, check(t, fluxrepo.Options{Paths: []string{root}}))
			if !regexp.MustCompile(c.want).MatchString(out) || !strings.Contains(out, "release kube-system/spegel ") {
				t.Errorf("want %q and a release in\n%s", c.want, out)
			}
		})
	}
	t.Run("standard input", func(t *testing.T) {
		t.Parallel()
		out := render("", check(t, fluxrepo.Options{Paths: []string{"-"}, Stdin: strings.NewReader(quickStart + "---\n" + values)}))
		if !strings.Contains(out, "error fatal=true <stdin>") || !strings.Contains(out, "too large when its aliases are expanded") {
			t.Error(out)
		}
	})
}
