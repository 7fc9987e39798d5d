package manifests_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/page"
)

// The documents show kustomizations of one's own. Each is built as it stands there, with the path to this folder replaced.
func TestKustomizationsInTheDocumentsWork(t *testing.T) {
	t.Parallel()
	files := map[string]string{"policy.yaml": "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\n", "privateRegistries": "registry.example.ts.net\n"}
	here := regexp.MustCompile(`[^\s\[,]+/(base|components/[a-z-]+)(\?[^\s\],]*)?`)
	found := 0
	for name, text := range documents(t) {
		for _, block := range page.Blocks(text, "yaml") {
			if !strings.Contains(block, "apiVersion: kustomize.config.k8s.io/") {
				continue
			}
			found++
			want := 10 // the whole base, and more
			if !strings.Contains(block, "/base") {
				want = 1
			}
			if got := len(build(t, here.ReplaceAllString(block, "../manifests/$1"), files)); got < want {
				t.Errorf("%s: %d objects, want %d at least:\n%s", name, got, want, block)
			}
		}
	}
	if found == 0 {
		t.Error("no document shows a kustomization")
	}
}

// Whoever looks for a component finds it in the table of docs/install.md, and what is in the table is there.
func TestTheTableOfComponentsIsComplete(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(documents(t)["docs/install.md"], "| component of `manifests/components` |")
	if !found {
		t.Fatal("docs/install.md has no table of components")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(table, -1) {
		named = append(named, row[1])
	}
	slices.Sort(named)
	if there := components(t); !slices.Equal(named, there) {
		t.Errorf("the table names %q, the folder holds %q", named, there)
	}
}

// documents returns the README and all below docs, by their path from the top.
func documents(t *testing.T) map[string]string {
	t.Helper()
	top := os.DirFS("..")
	texts := map[string]string{}
	read := func(name string) {
		content, err := fs.ReadFile(top, name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(content)
	}
	read("README.md")
	err := fs.WalkDir(top, "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".md" {
			read(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
