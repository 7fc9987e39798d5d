package declare_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

func kustomization(name, path string) string {
	return "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
		"spec: {path: " + path + ", sourceRef: {kind: GitRepository, name: flux-system}}\n"
}

func repository(url string) string {
	return "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {url: '" + url + "'}\n"
}

// TestWorkGrowsWithTheRepository compares a repository with one that is four times as large, by what is allocated: what grows with
// the square of the size is 16 times as much.
func TestWorkGrowsWithTheRepository(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	for name, file := range map[string]func(i int) (name, text string){
		"clusters with a source of one name": func(i int) (name, text string) {
			return fmt.Sprintf("clusters/c%d/ks.yaml", i), repository("https://github.com/o/r") + kustomization("apps", "./apps")
		},
		"Kustomizations that build the folder they lie in": func(i int) (name, text string) {
			return fmt.Sprintf("ks/k%d.yaml", i), kustomization(fmt.Sprint("k", i), "./ks")
		},
	} {
		allocated := func(n int) (objects, bytes uint64) {
			files := map[string]string{"apps/x.yaml": "kind: ConfigMap\nmetadata: {name: x}\n"}
			for i := range n {
				name, text := file(i)
				files[name] = text
			}
			tree, err := worktree.Scan(t.Context(), folder.Write(t, files), worktree.Options{Words: []string{"spegel"}})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if r := declare.New(tree, nil, false); len(r.All) != n {
				t.Errorf("%s: got %d Kustomizations; want %d", name, len(r.All), n)
			}
			runtime.ReadMemStats(&after)
			return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
		}
		objects, bytes := allocated(100)
		moreObjects, moreBytes := allocated(400)
		if moreObjects > 8*objects || moreBytes > 8*bytes {
			t.Errorf("%s: %d objects and %d bytes, then %d and %d; want at most 8 times as much", name, objects, bytes, moreObjects, moreBytes)
		}
	}
}
