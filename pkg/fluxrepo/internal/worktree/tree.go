package worktree

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore/gitignore"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// File is one regular file.
type File struct {
	Path  string // relative to the repository, with slashes
	Marks Mark
	Err   error // why it can't be read
	Asked bool  // PATH names it, or it is the stream

	data      []byte // nil unless it is kept
	isMarked  bool
	isDecoded bool
	docs      []*yaml.Node
	docsErr   error
}

// IsManifest reports whether the file holds objects by its name, or because it was asked for.
func (f *File) IsManifest() bool { return yamldoc.IsYAML(f.Path) || f.Asked }

// IsKustomization reports whether the file is kustomize's own.
func (f *File) IsKustomization() bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(f.Path))
}

// Tree is a repository. Only Scan and its like write to it; With makes another one that differs by an edit.
type Tree struct {
	root     string // absolute, without symbolic links
	files    map[string]*File
	sorted   []string
	filter   *filter
	patterns []gitignore.Pattern // of .sourceignore files
	ignores  map[string]*Ignore  // by spec.ignore
	count    int
}

func newTree(root string, words []string) *Tree {
	return &Tree{root: root, files: map[string]*File{}, ignores: map[string]*Ignore{}, filter: newFilter(words)}
}

func (t *Tree) add(rel string) *File {
	t.files[rel] = &File{Path: rel}
	return t.files[rel]
}

// Count is the number of files read by Scan.
func (t *Tree) Count() int { return t.count }

// File is a file by its path, or nil.
func (t *Tree) File(p string) *File { return t.files[p] }

// Paths are the paths of all files, sorted.
func (t *Tree) Paths() []string {
	if t.sorted == nil {
		t.sorted = slices.Sorted(maps.Keys(t.files))
	}
	return t.sorted
}

// Below are the paths of all files in a folder and the folders in it, sorted; "." is the repository.
func (t *Tree) Below(dir string) []string {
	all := t.Paths()
	if dir == "." {
		return all
	}
	from, _ := slices.BinarySearch(all, dir+"/")
	to, _ := slices.BinarySearch(all, dir+"0") // the character after the slash
	return all[from:to]
}

// IsDir reports whether a path is a folder, which holds a file at some depth.
func (t *Tree) IsDir(p string) bool { return len(t.Below(p)) > 0 }

// Dirs are the paths of all folders, sorted.
func (t *Tree) Dirs() []string {
	all := map[string]bool{}
	for _, p := range t.Paths() {
		for p = path.Dir(p); !all[p]; p = path.Dir(p) {
			all[p] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Kustomization is the path of a folder's kustomization, or "" where it has none, or one that is left out.
func (t *Tree) Kustomization(dir string, ignore *Ignore) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() { // the one that counts first
		if p := path.Join(dir, name); t.files[p] != nil && !ignore.File(p) {
			return p
		}
	}
	return ""
}

// With is the same repository with other contents of some files.
func (t *Tree) With(edits map[string][]byte) *Tree {
	out := *t
	out.files = maps.Clone(t.files)
	for p, data := range edits {
		old := t.files[p]
		out.files[p] = &File{Path: p, Marks: old.Marks, Asked: old.Asked, data: data}
	}
	return &out
}

// Mentions reports whether a name stands in a file, of an object in it or of what one refers to.
func (t *Tree) Mentions(p, name string) bool {
	data, err := t.Read(p)
	return err != nil || Names(data, name)
}

// Names reports whether a name stands in a text, and not merely as a part of another one.
func Names(text []byte, name string) bool {
	const inNames = "abcdefghijklmnopqrstuvwxyz0123456789-"
	for {
		before, after, found := bytes.Cut(text, []byte(name))
		switch {
		case !found || name == "":
			return false
		case !bytes.ContainsAny(before[max(0, len(before)-1):], inNames) && !bytes.ContainsAny(after[:min(1, len(after))], inNames):
			return true
		}
		text = after
	}
}

// Read is the content of a file.
func (t *Tree) Read(p string) ([]byte, error) {
	f := t.files[p]
	switch {
	case f == nil:
		return nil, fmt.Errorf("%s does not exist", p)
	case f.Err != nil || f.data != nil:
		return f.data, f.Err
	}
	return t.inspect(f)
}

// Documents are the documents of a file, and those in its Lists, with an error those before the mistake. They are decoded
// once.
func (t *Tree) Documents(p string) ([]*yaml.Node, error) {
	f := t.files[p]
	if f == nil || !f.isDecoded {
		data, err := t.Read(p)
		if err != nil {
			return nil, err
		}
		docs, err := yamldoc.Decode(data)
		f.docs, f.docsErr, f.isDecoded = yamldoc.Objects(docs), err, true
	}
	return f.docs, f.docsErr
}

// Mark is what a text that stands in a file could be about.
func (t *Tree) Mark(text []byte) Mark { return t.filter.marks(text) }

// Within reports whether a path is a folder or lies in it.
func Within(p, folder string) bool {
	return folder == "." || p == folder || strings.HasPrefix(p, folder+"/")
}

// Resolve is a path that is relative to a folder, or false where it leads out of the repository.
func Resolve(dir, p string) (string, bool) {
	if path.IsAbs(p) {
		return "", false
	}
	p = path.Join(dir, p)
	return p, p != ".." && !strings.HasPrefix(p, "../")
}

// Shared is how many folders two paths have in common.
func Shared(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}
