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
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			generateFleet(t, root, fleet{kustomizations: 24, files: 5, seed: seed, wild: true})
			pruned := check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com")
			if len(pruned.Releases) == 0 {
				t.Error("no release was generated")
			}
			for _, workers := range []int{1, 7} {
				all := check(t, fluxrepo.Options{Paths: []string{root}, NoPrune: true, Workers: workers}, "harbor.example.com")
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
	const seeds = 60
	var mu sync.Mutex
	seen := map[string]int{}
	t.Run("seed", func(t *testing.T) {
		t.Parallel()
		t.Cleanup(func() {
			for _, want := range []string{"release ", "built=false", "suspended=true", "deny private-registry-mirrored", "deny empty-mirror-list", "unresolved ", "fatal=true", "fatal=false"} {
				if seen[want] < 3 {
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
				all := render(root, check(t, fluxrepo.Options{Paths: []string{root}, NoPrune: true, Workers: 3}, "harbor.example.com"))
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

// A path that names no chart leaves the names, and a package is the chart that it is called by; nothing of it is left out.
func TestChartsByPathsAreFound(t *testing.T) {
	t.Parallel()
	for _, chart := range []string{".", "charts/spegel/templates/..", "charts/spegel-0.7.4.tgz"} {
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
			if len(got.Releases) != 1 || got.Releases[0].Name != "spegel" || len(got.Releases[0].Findings) == 0 {
				t.Errorf("got %s", render(root, got))
			}
		})
	}
}
