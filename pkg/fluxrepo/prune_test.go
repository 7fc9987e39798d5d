package fluxrepo_test

import (
	"fmt"
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
