package cli_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// TestReportsAreStable checks many repositories in one run, with one reader of files and with more of them than there are files to
// read: every format has the same bytes each time.
func TestReportsAreStable(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dirs := shapes(t, root)
	pol, err := policy.Load("", []string{"harbor.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	var first map[report.Format]string
	workers := []int{1, 2, 16}
	if testing.Short() {
		workers = []int{1, 16}
	}
	for _, workers := range workers {
		res, err := fluxrepo.Check(t.Context(), fluxrepo.Options{
			Paths: dirs, Charts: pol.Charts, Policy: pol.Policy, Workers: workers, Vars: map[string]string{"HANDED": "over"},
		})
		if err != nil {
			t.Fatal(err)
		}
		rep, got := report.New(res, pol.Unresolved), map[report.Format]string{}
		for _, format := range report.Formats() {
			var out bytes.Buffer
			if err := format.Write(&out, rep, report.Options{Version: "v0.0.0", ReadFile: os.ReadFile, Dir: root}); err != nil {
				t.Fatal(err)
			}
			got[format] = out.String()
		}
		if first == nil {
			first = got
			s := rep.Summary
			if s.Releases < 50 || s.Denied == 0 || s.Warned == 0 || s.Unresolved == 0 || s.Passed == 0 || len(rep.Errors) < 10 {
				t.Fatalf("too little to be told apart: %+v, %d errors", s, len(rep.Errors))
			}
		}
		for _, format := range report.Formats() {
			if diff := cmp.Diff(first[format], got[format]); diff != "" {
				t.Errorf("%s with %d workers (-first +now):\n%s", format, workers, diff)
			}
		}
	}
}

// shapes writes the small repositories of pkg/fluxrepo, each into a folder of its own.
func shapes(t *testing.T, root string) (dirs []string) {
	t.Helper()
	names, err := fs.Glob(os.DirFS("../fluxrepo/testdata"), "*.txtar")
	if err != nil || len(names) < 50 {
		t.Fatalf("%d shapes, %v", len(names), err)
	}
	for i, name := range names {
		if testing.Short() && i%2 > 0 {
			continue
		}
		ar, err := txtar.ParseFile(filepath.Join("../fluxrepo/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(root, strings.TrimSuffix(name, ".txtar"))
		if err := os.MkdirAll(filepath.Join(dir, ".git"), 0o700); err != nil { // or the folder around it counts
			t.Fatal(err)
		}
		if err := txtar.Write(ar, dir); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}
