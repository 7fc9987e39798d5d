package fluxrepo_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// fleet is the size of a generated repository.
type fleet struct {
	kustomizations int
	files          int // of each Kustomization
	seed           uint64
	wild           bool // add the shapes that are rare in the field
}

// generateFleet writes a repository with one cluster that builds a number of apps; one of them is Spegel.
func generateFleet(tb testing.TB, root string, f fleet) {
	tb.Helper()
	rng := rand.New(rand.NewPCG(f.seed, 1)) // a test repository
	write := func(name, text string) { writeFile(tb, filepath.Join(root, name), text) }
	write("flux/cluster/ks.yaml", generatedKustomization("cluster-apps", "flux-system", "./apps", generatedParentPatch))
	write("flux/vars/settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: flux-system\ndata:\n  DOMAIN: example.com\n  HARBOR: harbor.example.com\n")
	perGroup := 20
	for i := range f.kustomizations - 1 {
		group := fmt.Sprintf("apps/group%03d", i/perGroup)
		if i%perGroup == 0 {
			var list strings.Builder
			list.WriteString("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: " + filepath.Base(group) + "\nresources:\n")
			for j := i; j < min(i+perGroup, f.kustomizations-1); j++ {
				fmt.Fprintf(&list, "  - ./app%04d/ks.yaml\n", j)
			}
			write(group+"/kustomization.yaml", list.String())
		}
		app, name := fmt.Sprintf("%s/app%04d", group, i), fmt.Sprintf("app%04d", i)
		chart := "podinfo"
		if i == f.kustomizations/2 || f.wild && rng.IntN(5) == 0 {
			chart = "spegel"
		}
		extra := ""
		if f.wild {
			extra = wildKustomization(rng)
		}
		write(app+"/ks.yaml", generatedKustomization(name, "", "./"+app+"/app", extra))
		var resources strings.Builder
		resources.WriteString("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n")
		for j := range f.files - 2 {
			file, text := generatedObject(name, chart, j, rng, f.wild)
			write(app+"/app/"+file, text)
			resources.WriteString("  - ./" + file + "\n")
		}
		if !f.wild || rng.IntN(3) > 0 {
			write(app+"/app/kustomization.yaml", resources.String())
		}
	}
}

const generatedParentPatch = `  patches:
    - patch: |-
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: _
        spec:
          postBuild:
            substituteFrom:
              - kind: ConfigMap
                name: settings
                optional: true
          patches:
            - patch: |-
                apiVersion: helm.toolkit.fluxcd.io/v2
                kind: HelmRelease
                metadata:
                  name: _
                spec:
                  install:
                    crds: CreateReplace
              target:
                group: helm.toolkit.fluxcd.io
                kind: HelmRelease
      target:
        group: kustomize.toolkit.fluxcd.io
        kind: Kustomization
`

func generatedKustomization(name, ns, path, extra string) string {
	if ns != "" {
		ns = "  namespace: " + ns + "\n"
	}
	return "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: " + name + "\n" + ns +
		"spec:\n  interval: 1h\n  path: " + path + "\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n    namespace: flux-system\n" + extra
}

func wildKustomization(rng *rand.Rand) string {
	switch rng.IntN(8) {
	case 0:
		return "  namePrefix: x-\n"
	case 1:
		return "  suspend: true\n"
	case 2:
		return "  targetNamespace: kube-system\n"
	case 3:
		return "  patches:\n    - target:\n        kind: HelmRelease\n      patch: |\n        - op: add\n          path: /spec/values/spegel\n          value: {mirroredRegistries: [https://harbor.example.com]}\n"
	case 4:
		return "  postBuild:\n    substitute:\n      HARBOR: docker.io\n"
	}
	return ""
}

func generatedObject(name, chart string, j int, rng *rand.Rand, wild bool) (file, text string) {
	switch j {
	case 0:
		values := "    ingress:\n      host: " + name + ".${DOMAIN}\n    resources:\n      limits:\n        memory: 128Mi\n"
		if chart == "spegel" {
			values += "    spegel:\n      mirroredRegistries:\n        - https://docker.io\n"
			if wild && rng.IntN(2) == 0 {
				values += "        - https://${HARBOR}\n"
			}
		}
		return "helmrelease.yaml", "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: " + name + "\nspec:\n  interval: 1h\n  chartRef:\n    kind: OCIRepository\n    name: " + name + "\n  values:\n" + values
	case 1:
		return "ocirepository.yaml", "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: " + name + "\nspec:\n  interval: 15m\n  ref:\n    tag: 0.7.4\n  url: oci://ghcr.io/example/charts/" + chart + "\n"
	default:
		var text strings.Builder
		fmt.Fprintf(&text, "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s-%d\ndata:\n", name, j)
		for k := range 20 {
			fmt.Fprintf(&text, "  key%02d: \"some value that a config map may hold, %d\"\n", k, j)
		}
		return fmt.Sprintf("configmap%02d.yaml", j), text.String()
	}
}
