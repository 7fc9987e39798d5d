package fluxrepo_test

import (
	"fmt"
	"strings"
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
