package selection_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/selection"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

const kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec: {path: ./PATH}\n"

func TestOf(t *testing.T) {
	t.Parallel()
	repository := folder.Write(t, map[string]string{
		".git/HEAD": "x", "apps/a.yaml": "a: b\n", "apps/b.yaml": "a: b\n", "top.yaml": "a: b\n",
		"examples/flux/ks.yaml": strings.Replace(kustomization, "PATH", "own", 1), "examples/flux/own/a.yaml": "a: b\n",
		"clusters/ks.yaml": strings.Replace(kustomization, "PATH", "apps", 1),
	})
	outside := folder.Write(t, map[string]string{"a.yaml": "a: b\n", "b.yaml": "a: b\n"})
	for name, c := range map[string]struct {
		paths   []string
		has     string // a file that is asked for
		hasNot  string
		names   string // a file that is named, itself or its folder
		files   int    // that are read
		several int    // repositories
	}{
		"a repository":                            {[]string{repository}, "apps/a.yaml", "", "", 6, 1},
		"a folder of it":                          {[]string{repository + "/apps"}, "apps/a.yaml", "top.yaml", "apps/a.yaml", 6, 1},
		"a file of it":                            {[]string{repository + "/apps/a.yaml"}, "apps/a.yaml", "apps/b.yaml", "apps/a.yaml", 6, 1},
		"two parts of it":                         {[]string{repository + "/apps/a.yaml", repository + "/top.yaml"}, "top.yaml", "apps/b.yaml", "top.yaml", 6, 1},
		"a part and all of it":                    {[]string{repository + "/apps/a.yaml", repository}, "top.yaml", "", "", 6, 1},
		"a repository of its own inside":          {[]string{repository + "/examples/flux"}, "own/a.yaml", "", "", 2, 1},
		"a folder with what builds another of it": {[]string{repository + "/clusters"}, "clusters/ks.yaml", "apps/a.yaml", "clusters/ks.yaml", 6, 1},
		"a folder without a repository":           {[]string{outside}, "a.yaml", "", "", 2, 1},
		"a file without one":                      {[]string{outside + "/a.yaml"}, "a.yaml", "b.yaml", "a.yaml", 1, 1},
		"a stream":                                {[]string{"-"}, "<stdin>", "", "<stdin>", 1, 1},
		"two repositories":                        {[]string{repository, outside}, "top.yaml", "", "", 6, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := selection.Of(t.Context(), c.paths, worktree.Options{})
			if err != nil || len(all) != c.several {
				t.Fatalf("%d repositories, error %v; want %d", len(all), err, c.several)
			}
			s := all[0]
			tree, err := s.Read(t.Context(), strings.NewReader("a: b\n"), worktree.Options{})
			if err != nil || tree.Count() != c.files {
				t.Errorf("%d files, error %v; want %d", tree.Count(), err, c.files)
			}
			if !s.Has(c.has) || c.hasNot != "" && s.Has(c.hasNot) || c.names != "" && !s.Names(c.names) {
				t.Errorf("asks for %s: %t, for %s: %t; names %s: %t", c.has, s.Has(c.has), c.hasNot, s.Has(c.hasNot), c.names, s.Names(c.names))
			}
		})
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(folder.Write(t, map[string]string{".git/HEAD": "x", "apps/a.yaml": "a: b\n"}))
	if err != nil {
		t.Fatal(err)
	}
	all, err := selection.Of(t.Context(), []string{dir + "/apps"}, worktree.Options{})
	if err != nil || all[0].Show("apps/a.yaml") != filepath.ToSlash(dir)+"/apps/a.yaml" {
		t.Errorf("error %v; want a path as it was given, below %s", err, dir)
	}
}
