package fluxrepo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// FuzzDocuments checks a stream. Whatever it holds, the answer comes, and is the same again.
func FuzzDocuments(f *testing.F) {
	f.Add(quickStart)
	f.Add(quickStart + "  values: &v\n    spegel: {registries: [*v]}\n---\n<<: *v\n")
	f.Add("kind: List\nitems:\n- " + strings.ReplaceAll(quickStart, "\n", "\n  "))
	f.Add(quickStart + "  values:\n    spegel:\n      mirroredRegistries: ['https://${A:-b}', '${B/x/y}', $$, '${', $]\n")
	f.Add(generatedKustomization("a", "b", "./", ""))
	f.Fuzz(func(t *testing.T, text string) {
		run := func() string {
			res, err := fluxrepo.Check(t.Context(), fluxrepo.Options{Paths: []string{"-"}, Stdin: strings.NewReader(text)})
			if err != nil {
				return err.Error()
			}
			return render("", res)
		}
		if a, b := run(), run(); a != b {
			t.Errorf("%s\nand then\n%s", a, b)
		}
	})
}

// FuzzRepository checks a repository of three files.
func FuzzRepository(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		text := map[string]string{}
		for _, file := range ar.Files {
			text[filepath.Base(file.Name)] += "\n---\n" + string(file.Data)
		}
		f.Add(text["ks.yaml"], text["kustomization.yaml"], text["helmrelease.yaml"])
	}
	f.Fuzz(func(t *testing.T, ks, kustomization, release string) {
		root := t.TempDir()
		writeFile(t, filepath.Join(root, "flux", "ks.yaml"), generatedKustomization("apps", "x", "./apps", "")+"---\n"+ks)
		writeFile(t, filepath.Join(root, "apps", "kustomization.yaml"), kustomization)
		writeFile(t, filepath.Join(root, "apps", "helmrelease.yaml"), release)
		_ = render(root, check(t, fluxrepo.Options{Paths: []string{root}}))
	})
}
