package worktree_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// TestRead: a manifest is read as the tools of Flux read it, and anything else as it is.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, want string }{
		"a byte-order mark":                {"a.yaml", "\ufeffa: 1\n", "a: 1\n"},
		"Windows line ends":                {"a.yaml", "a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"},
		"a carriage return that ends none": {"a.yaml", "a: \"x\ry\"\n", "a: \"x\ry\"\n"},
		"UTF-16, little end first":         {"a.yaml", "\xff\xfea\x00:\x00 \x001\x00", "a: 1"},
		"UTF-16, big end first":            {"a.yml", "\xfe\xff\x00a\x00:\x00 \x001", "a: 1"},
		"a kustomization without ending":   {"Kustomization", "a: 1\r\n", "a: 1\n"},
		"a file of another name":           {"a.conf", "\ufeffa\r\n", "\ufeffa\r\n"},
		"nothing":                          {"a.yaml", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := scan(t, map[string]string{c.file: c.text}).Read(c.file)
			if diff := cmp.Diff(c.want, string(got)); diff != "" || err != nil {
				t.Errorf("error %v; -want +got:\n%s", err, diff)
			}
		})
	}
	if _, err := scan(t, nil).Read("a.yaml"); err == nil {
		t.Error("want an error for a file that does not exist")
	}
}

// TestWhatIsNotRead: what is no regular file is not there, as it is not in the artifact of Flux. What is too large is
// there with an error, and with the marks of its beginning.
func TestWhatIsNotRead(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret.yaml")
	for _, name := range []string{outside, filepath.Join(root, "large.yaml")} {
		if err := os.WriteFile(name, []byte(release+"metadata: {name: spegel}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(root, "large.yaml"), 100<<20); err != nil { // sparse
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out.yaml": outside, "loop": ".", "gone.yaml": "nowhere", "self.yaml": "self.yaml"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Skip(err)
		}
	}
	tree, err := worktree.Scan(t.Context(), root, worktree.Options{Words: []string{"spegel"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"large.yaml"}, tree.Paths()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	f := tree.File("large.yaml")
	if f.Err == nil || f.Marks&worktree.Word == 0 {
		t.Errorf("error %v, marks %b", f.Err, f.Marks)
	}
	if data, err := tree.Read("large.yaml"); err == nil || len(data) > 0 {
		t.Errorf("%d bytes, error %v; want the error alone", len(data), err)
	}
}

// TestMentions: a name is found however it is written, and whatever it names, but not as a part of another one.
func TestMentions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"metadata:\n  name: spegel\n":                    true,
		"{\"metadata\": {\"name\":\"spegel\"}}\n":        true,
		"a: &n spegel\nmetadata: {name: *n}\n":           true,
		"metadata:\n  name: >-\n    spegel\n":            true,
		"valuesFrom: [{kind: ConfigMap, name: spegel}]":  true,
		"metadata: {name: podinfo}\n":                    false,
		"metadata: {name: spegel-values}\n":              false,
		"metadata: {name: xspegel}\nx: {name: spegel}\n": true,
	} {
		tree := scan(t, map[string]string{"a.yaml": text})
		if got := tree.Mentions("a.yaml", "spegel"); got != want {
			t.Errorf("%q: %t; want %t", text, got, want)
		}
		if tree.Mentions("a.yaml", "") {
			t.Errorf("%q has no name; want that it is not there", text)
		}
	}
}
