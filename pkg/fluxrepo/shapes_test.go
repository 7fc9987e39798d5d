package fluxrepo_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

var update = flag.Bool("update", false, "write what came out to the files in testdata")

// TestShapes checks small repositories, one a file in testdata. The comment of a file says what it is
// about and, in lines such as "private: harbor.example.com", how it is checked; the file want is what
// comes out.
func TestShapes(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no shapes: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			root, want := t.TempDir(), ""
			var stdin string
			for _, f := range ar.Files {
				switch f.Name {
				case "want":
					want = string(f.Data)
				case "stdin":
					stdin = string(f.Data)
				default:
					writeFile(t, filepath.Join(root, f.Name), string(f.Data))
				}
			}
			o, private := shapeOptions(string(ar.Comment), root)
			run := func(all bool, workers int) string {
				o := o
				o.All, o.Workers, o.Stdin = o.All || all, workers, strings.NewReader(stdin)
				return render(root, check(t, o, private...))
			}
			got := run(false, 0)
			if *update {
				writeWant(t, name, ar, got)
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(got, run(true, 1)); diff != "" {
				t.Errorf("-pruned +everything built:\n%s", diff)
			}
		})
	}
}

func shapeOptions(comment, root string) (o fluxrepo.Options, private []string) {
	o.Vars = map[string]string{}
	for line := range strings.Lines(comment) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "private":
			private = append(private, value)
		case "path":
			if value != "-" {
				value = filepath.Join(root, value)
			}
			o.Paths = append(o.Paths, value)
		case "all":
			o.All = value == "true" // docs/ci.md lists the forms that need it
		case "ignore":
			o.Ignore = append(o.Ignore, value)
		case "var":
			name, v, _ := strings.Cut(value, "=")
			o.Vars[name] = v
		}
	}
	if len(o.Paths) == 0 {
		o.Paths = []string{root}
	}
	return o, private
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writeWant(t *testing.T, name string, ar *txtar.Archive, got string) {
	t.Helper()
	found := false
	for i := range ar.Files {
		if ar.Files[i].Name == "want" {
			ar.Files[i].Data, found = []byte(got), true
		}
	}
	if !found {
		ar.Files = append(ar.Files, txtar.File{Name: "want", Data: []byte(got)})
	}
	if err := os.WriteFile(name, txtar.Format(ar), 0o600); err != nil {
		t.Fatal(err)
	}
}
