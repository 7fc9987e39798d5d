package fluxrepo_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// TestPruning builds everything of generated repositories and expects the same as without what is left out.
func TestPruning(t *testing.T) {
	t.Parallel()
	seeds := 6
	if testing.Short() {
		seeds = 3
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			generateFleet(t, root, fleet{kustomizations: 24, files: 5, seed: seed, wild: true})
			pruned := check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com")
			if len(pruned.Releases) == 0 {
				t.Error("no release was generated")
			}
			for _, workers := range []int{1, 7} {
				all := check(t, fluxrepo.Options{Paths: []string{root}, All: true, Workers: workers}, "harbor.example.com")
				if diff := cmp.Diff(render(root, pruned), render(root, all)); diff != "" {
					t.Errorf("-pruned +everything built, %d workers:\n%s", workers, diff)
				}
			}
			if strings.Contains(render(root, pruned), "error") {
				t.Error(render(root, pruned))
			}
		})
	}
}

// TestPruningOfVariedRepositories does the same with repositories in which nothing is where one looks first.
func TestPruningOfVariedRepositories(t *testing.T) {
	t.Parallel()
	seeds := 60
	if testing.Short() {
		seeds = 20
	}
	var mu sync.Mutex
	seen := map[string]int{}
	t.Run("seed", func(t *testing.T) {
		t.Parallel()
		t.Cleanup(func() {
			for _, want := range []string{"release ", "built=false", "suspended=true", "deny private-registry-mirrored", "deny empty-mirror-list", "unresolved ", "fatal=true", "fatal=false"} {
				if seen[want] < seeds/20 {
					t.Errorf("%d of %d reports have %q: too uniform", seen[want], seeds, want)
				}
			}
		})
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				root := t.TempDir()
				generateVaried(t, root, seed)
				pruned := render(root, check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com"))
				all := render(root, check(t, fluxrepo.Options{Paths: []string{root}, All: true, Workers: 3}, "harbor.example.com"))
				if diff := cmp.Diff(pruned, all); diff != "" {
					t.Errorf("-pruned +everything built:\n%s", diff)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, part := range []string{"release ", "built=false", "suspended=true", "deny private-registry-mirrored", "deny empty-mirror-list", "unresolved ", "fatal=true", "fatal=false"} {
					if strings.Contains(all, part) {
						seen[part]++
					}
				}
			})
		}
	})
}

// A path that names no chart, or leads below the folder of one, leaves the names, and a package is the chart that it is called by; nothing of it is left out.
func TestChartsByPathsAreFound(t *testing.T) {
	t.Parallel()
	for _, chart := range []string{".", "charts/spegel/templates/..", "charts/spegel-0.7.4.tgz", "./infra/spegel/helm"} {
		t.Run(chart, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for i := range 3 {
				name := fmt.Sprint("app", i)
				if i == 1 {
					name = "spegel"
				}
				text := "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: " + name + ", namespace: apps}\n" +
					"spec:\n  interval: 1h\n  chart: {spec: {chart: " + chart + ", sourceRef: {kind: GitRepository, name: charts}}}\n"
				if i != 1 {
					text = strings.ReplaceAll(text, "chart: "+chart, "chart: charts/podinfo")
				}
				writeFile(t, filepath.Join(root, fmt.Sprintf("apps%d.yaml", i)), text)
			}
			got := check(t, fluxrepo.Options{Paths: []string{root}})
			if len(got.Releases) != 1 || got.Releases[0].Name != "spegel" || len(got.Releases[0].Unresolved) == 0 {
				t.Errorf("got %s", render(root, got))
			}
		})
	}
}

// From a GitRepository or Bucket the name of a file need not be the chart's; a kind that is not known may be one.
func TestSourceOfAFileDoesNotTellTheChart(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spegel, namespace: apps}\nspec:\n  interval: 1h\n"
	for name, test := range map[string]struct {
		text   string
		judged bool
	}{
		"Bucket":         {head + "  chart: {spec: {chart: charts/latest.tgz, sourceRef: {kind: Bucket, name: x}}}\n", true},
		"HelmRepository": {head + "  chart: {spec: {chart: charts/latest.tgz, sourceRef: {kind: HelmRepository, name: x}}}\n", false},
		"a variable":     {head + "  chart: {spec: {chart: charts/latest.tgz, sourceRef: {kind: \"${KIND}\", name: x}}}\n", true},
		"a HelmChart of a Bucket": {head + "  chartRef: {kind: HelmChart, name: x}\n---\n" +
			"apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmChart\nmetadata: {name: x, namespace: apps}\n" +
			"spec: {chart: charts/latest.tgz, interval: 1h, sourceRef: {kind: Bucket, name: x}}\n", true},
		"a HelmChart of a HelmRepository": {head + "  chartRef: {kind: HelmChart, name: x}\n---\n" +
			"apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmChart\nmetadata: {name: x, namespace: apps}\n" +
			"spec: {chart: charts/latest.tgz, interval: 1h, sourceRef: {kind: HelmRepository, name: x}}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "apps/kustomization.yaml"), "resources: [app.yaml]\n")
			writeFile(t, filepath.Join(root, "apps/app.yaml"), test.text)
			writeFile(t, filepath.Join(root, "flux.yaml"), "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n"+
				"spec:\n  interval: 1h\n  prune: true\n  path: ./apps\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: gone}]}\n  sourceRef: {kind: GitRepository, name: flux-system}\n")
			if got := check(t, fluxrepo.Options{Paths: []string{root}}); (len(got.Releases) == 1) != test.judged {
				t.Errorf("want it judged: %t\n%s", test.judged, render(root, got))
			}
		})
	}
}
