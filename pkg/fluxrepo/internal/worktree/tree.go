package worktree

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore/gitignore"
	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Names of kustomization files, the one that counts first.
func kustomizationNames() []string {
	return []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
}

// File is one regular file.
type File struct {
	Path  string // relative to the repository, with slashes
	Marks Mark
	Err   error  // why it can't be read
	Asked bool   // PATH names it, or it is the stream
	Size  int    // in bytes
	Edit  []byte // what With gave it; nil for none

	read    bool
	data    []byte // nil unless it is kept
	decoded bool
	docs    []*yaml.Node
	docsErr error
	names   []uint32 // hashes of what its objects may be called
	odd     bool     // a name may be written in another way
}

// IsManifest reports whether the file holds objects by its name, or because it was asked for.
func (f *File) IsManifest() bool { return yamldoc.IsYAML(f.Path) || f.Asked }

// IsKustomization reports whether the file is kustomize's own.
func (f *File) IsKustomization() bool {
	return slices.Contains(kustomizationNames(), path.Base(f.Path))
}

func (f *File) decode(data []byte) {
	docs, err := yamldoc.Decode(data)
	f.docs, f.docsErr, f.decoded = yamldoc.Objects(docs), err, true
}

// Dir is one folder.
type Dir struct {
	Path        string
	Files, Dirs []string // base names, sorted
	Err         error    // why it can't be read
}

// Tree is a repository. Only Scan and its like write to it; With makes another one that differs by an edit.
type Tree struct {
	root     string // absolute, without symbolic links
	files    map[string]*File
	dirs     map[string]*Dir
	sorted   []string
	filter   *filter
	patterns []gitignore.Pattern // of .sourceignore files
	edited   map[string]*File
	count    int
}

func newTree(root string, words []string) *Tree {
	t := &Tree{root: root, files: map[string]*File{}, dirs: map[string]*Dir{}, filter: newFilter(words)}
	t.folder(".")
	return t
}

// folder returns a folder, and makes it and what is above it where they are missing.
func (t *Tree) folder(rel string) *Dir {
	d, ok := t.dirs[rel]
	if !ok {
		d = &Dir{Path: rel}
		t.dirs[rel] = d
		if rel != "." {
			parent := t.folder(path.Dir(rel))
			parent.Dirs = append(parent.Dirs, path.Base(rel))
		}
	}
	return d
}

func (t *Tree) add(rel string) *File {
	f := &File{Path: rel}
	t.files[rel] = f
	d := t.folder(path.Dir(rel))
	d.Files = append(d.Files, path.Base(rel))
	return f
}

// Count is the number of files read by Scan.
func (t *Tree) Count() int { return t.count }

// File is a file by its path, or nil.
func (t *Tree) File(p string) *File {
	if f, ok := t.edited[p]; ok {
		return f
	}
	return t.files[p]
}

// Dir is a folder by its path, or nil; "." is the repository.
func (t *Tree) Dir(p string) *Dir { return t.dirs[p] }

// Paths are the paths of all files, sorted.
func (t *Tree) Paths() []string {
	if t.sorted == nil {
		t.sorted = slices.Sorted(maps.Keys(t.files))
	}
	return t.sorted
}

// DirPaths are the paths of all folders, sorted.
func (t *Tree) DirPaths() []string { return slices.Sorted(maps.Keys(t.dirs)) }

// Kustomization is the name of a folder's kustomization, or "" where it has none, or one that is left out.
func (t *Tree) Kustomization(d *Dir, ignore *Ignore) string {
	for _, name := range kustomizationNames() {
		if d == nil || !slices.Contains(d.Files, name) || ignore.File(path.Join(d.Path, name)) {
			continue
		}
		return name
	}
	return ""
}

// With is the same repository with other contents of some files.
func (t *Tree) With(edits map[string][]byte) *Tree {
	out := *t
	out.edited = maps.Clone(t.edited)
	if out.edited == nil {
		out.edited = map[string]*File{}
	}
	for p, data := range edits {
		f := &File{Path: p}
		if old := t.File(p); old != nil {
			*f = File{Path: p, Marks: old.Marks, Asked: old.Asked, names: old.names, odd: old.odd}
		}
		f.data, f.Edit, f.Size, f.read = data, data, len(data), true
		out.edited[p] = f
	}
	return &out
}

// Read is the content of a file.
func (t *Tree) Read(p string) ([]byte, error) {
	f := t.File(p)
	if f == nil {
		return nil, fmt.Errorf("%s does not exist", p)
	}
	t.Look(p)
	if f.Err != nil {
		return nil, f.Err
	}
	return t.load(f)
}

// Documents are the documents of a file, and those in its Lists, with an error those before the mistake. They are decoded
// once.
func (t *Tree) Documents(p string) ([]*yaml.Node, error) {
	f := t.File(p)
	if f == nil {
		return nil, fmt.Errorf("%s does not exist", p)
	}
	if !f.decoded {
		data, err := t.Read(p)
		if err != nil {
			return nil, err
		}
		f.decode(data)
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
