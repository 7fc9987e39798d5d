package worktree_test

import (
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

func scan(t *testing.T, all map[string]string) *worktree.Tree {
	t.Helper()
	tree, err := worktree.Scan(t.Context(), folder.Write(t, all), worktree.Options{Words: []string{"spegel"}})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

const release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"

func TestMarks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want worktree.Mark
		not  worktree.Mark
	}{
		"a release of another chart":       {release, worktree.Release, worktree.Word | worktree.Spegel},
		"a release with the word":          {release + "metadata: {name: spegel}\n", worktree.Release | worktree.Word | worktree.Spegel, 0},
		"merely the word":                  {"# spegel\n", worktree.Word, worktree.Spegel | worktree.Release},
		"a Kustomization of Flux":          {"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n", worktree.Kustomization, worktree.Word},
		"values in a ConfigMap":            {"kind: ConfigMap\n", worktree.Data, worktree.Word},
		"nothing that has to do with Flux": {"kind: Deployment\n", 0, worktree.Word | worktree.Kustomization | worktree.Release},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := scan(t, map[string]string{"a.yaml": c.text})
			if got := tree.File("a.yaml").Marks; got&c.want != c.want || got&c.not != 0 {
				t.Errorf("marks %b; want %b and none of %b", got, c.want, c.not)
			}
		})
	}
}

func TestWithChangesACopyOnly(t *testing.T) {
	t.Parallel()
	tree := scan(t, map[string]string{"a.yaml": "a: 1\n"})
	edited := tree.With(map[string][]byte{"a.yaml": []byte("a: 2\n")})
	for want, tree := range map[string]*worktree.Tree{"a: 1\n": tree, "a: 2\n": edited} {
		if got, err := tree.Read("a.yaml"); string(got) != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

func TestIgnoring(t *testing.T) {
	t.Parallel()
	tree := scan(t, map[string]string{".sourceignore": "old/\n", "old/a.yaml": "", "new/a.yaml": "", "new/b.png": "", "docs/c.yaml": ""})
	for spec, want := range map[string]map[string]bool{
		"":        {"old/a.yaml": true, "new/a.yaml": false, "new/b.png": false, "docs/c.yaml": false},
		"docs/\n": {"old/a.yaml": true, "new/a.yaml": false, "new/b.png": false, "docs/c.yaml": true},
	} {
		for file, ignored := range want {
			if got := tree.Ignoring(spec).File(file); got != ignored {
				t.Errorf("spec.ignore %q: %s is ignored: %t; want %t", spec, file, got, ignored)
			}
		}
	}
}

// TestIgnoringAFolder: an artifact holds files, and a folder of it has one.
func TestIgnoringAFolder(t *testing.T) {
	t.Parallel()
	tree := scan(t, map[string]string{
		".sourceignore": "old/*\n!old/kept.yaml\n/gone/\n", "old/a.yaml": "", "old/kept.yaml": "", "old/sub/b.yaml": "", "gone/a.yaml": "", "new/a.yaml": "",
	})
	defaults := scan(t, map[string]string{"images/a.png": "", "images/deep/b.jpg": "", "apps/a.yaml": "", ".github/a.yaml": "", "cluster.local/a.yaml": "", "a.zip/a.yaml": "", ".hidden/a.yaml": ""})
	for dir, want := range map[string]bool{"old": false, "old/sub": true, "gone": true, "new": false, ".": false} {
		if got := tree.Ignoring("").Dir(dir); got != want {
			t.Errorf("%s is left out: %t; want %t", dir, got, want)
		}
	}
	for dir, want := range map[string]bool{
		"images": true, "images/deep": true, "apps": false, ".github": true, "cluster.local": false, "a.zip": true, ".hidden": false, ".": false,
	} {
		if got := defaults.Ignoring("").Dir(dir); got != want {
			t.Errorf("by default, %s is left out: %t; want %t", dir, got, want)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		"[remote \"fork\"]\n\turl = https://x/y\n[remote \"origin\"]\n\turl = git@github.com:o/r.git\n":         "git@github.com:o/r.git",
		"[remote \"origin\"]\r\n\tfetch = +refs/heads/*\r\n\n# url\r\nurl=https://x/y \r\n[core]\r\n\turl = no": "https://x/y",
		"[remote \"origin\"]\n\tfetch = x\n[remote \"fork\"]\n\turl = https://x/y\n":                            "",
		"[remote \"originals\"]\n\turl = https://x/y\n":                                                         "",
		"": "",
	} {
		if got := scan(t, map[string]string{".git/config": config}).Origin(); got != want {
			t.Errorf("%q: got %q; want %q", config, got, want)
		}
	}
}

// TestOriginOfAWorktree: there and in a submodule, .git is a file.
func TestOriginOfAWorktree(t *testing.T) {
	t.Parallel()
	const config = "[remote \"origin\"]\n\turl = https://x/y\n"
	for name, files := range map[string]map[string]string{
		"a worktree":  {".git": "gitdir: clone/.git/worktrees/w\n", "clone/.git/worktrees/w/commondir": "../..\n", "clone/.git/config": config},
		"a submodule": {".git": "gitdir: above/modules/s\n", "above/modules/s/config": config},
	} {
		if got := scan(t, files).Origin(); got != "https://x/y" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := scan(t, map[string]string{".git": "gitdir: gone\n"}).Origin(); got != "" {
		t.Errorf("a folder that is gone: got %q", got)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]string{"../b": "b", "./c": "a/c", "..": "."} {
		if got, ok := worktree.Resolve("a", p); got != want || !ok {
			t.Errorf("Resolve(a, %q) = %q, %t; want %q", p, got, ok, want)
		}
	}
	for _, p := range []string{"/etc", "../..", "../../x"} {
		if got, ok := worktree.Resolve("a", p); ok {
			t.Errorf("Resolve(a, %q) = %q; want that it leads out", p, got)
		}
	}
}
