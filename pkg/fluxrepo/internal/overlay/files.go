package overlay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// mount is where kustomize sees the repository. Nothing else exists for it.
const mount = "/repository"

// maxRead bounds what kustomize reads for one build, as yamldoc.Size counts it.
const maxRead = 2 << 20

// files are what one build reads, by path in the repository, and all that kustomize sees. It takes paths apart and reads files;
// all else would be done to an empty file system in memory.
type files struct {
	filesys.FileSystem

	data    map[string][]byte
	folders map[string]bool
	size    int // in bytes, without what is left out
	read    int
	// schema says that the build adds to the schema, builtins that it needs the one of Kubernetes' own kinds. That says how
	// lists merge when a patch meets such a kind, and nothing with such a list is kept: only what is copied out of one, and a
	// DaemonSet that may run Spegel.
	schema, builtins bool
}

// leftOut stands in a file that is left out of a build: a list of nothing. kustomize would take longer to find that a
// file holds no object at all than for the rest of a large build.
const leftOut = "apiVersion: v1\nkind: List\nitems: []\n"

// copied matches a field that a replacement takes out of an object, except for its name and the like.
var copied = regexp.MustCompile(`\bfieldPath["']?\s*:\s*["']?([^m\s"']|m[^e])`)

func newFiles() *files {
	return &files{FileSystem: filesys.MakeFsInMemory(), data: map[string][]byte{}, folders: map[string]bool{}}
}

// files are those of the repository, except for what is left out and kustomizations without what is not there.
func (b *Build) files() (*files, error) {
	out := newFiles()
	out.builtins = b.Full
	for _, f := range b.all {
		out.schema = out.schema || f.ks.OpenAPI != nil || f.ks.Crds != nil
		for _, p := range slices.Concat([]string{f.File}, f.Resources, f.Inputs) {
			var data []byte
			var err error
			switch {
			case p == f.File && (f.changed || b.aim):
				ks := f.ks
				if b.aim {
					ks.Patches = aimed(b.Tree, f.Dir, ks.Patches)
				}
				data, err = json.Marshal(ks)
			case b.LeaveOut != nil && b.LeaveOut(p):
				out.add(p, []byte(leftOut))
				continue
			default:
				const spegel = worktree.DaemonSet | worktree.Word
				data, err = b.Tree.Read(p)
				out.builtins = out.builtins || b.Tree.File(p).Marks&spegel == spegel
			}
			if err != nil {
				return nil, fmt.Errorf("%s %w", p, err)
			}
			out.builtins = out.builtins || len(f.ks.Replacements) > 0 && copied.Match(data)
			out.size += len(data)
			out.add(p, data)
		}
		out.builtins = out.builtins || f.plugs()
	}
	return out, nil
}

func (f *files) add(p string, data []byte) {
	f.data[p] = data
	for p = path.Dir(p); !f.folders[p]; p = path.Dir(p) {
		f.folders[p] = true
	}
}

// print stands for the content of all files.
func (f *files) print(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, p := range slices.Sorted(maps.Keys(f.data)) {
		_, _ = fmt.Fprintf(&h, "%q %d ", p, len(f.data[p])) // never fails
		_, _ = h.Write(f.data[p])
	}
	return h.Sum64()
}

// inside turns a path of kustomize into one of the repository.
func inside(p string) string {
	rel, err := filepath.Rel(mount, p)
	if err != nil {
		return p
	}
	return filepath.ToSlash(rel)
}

// CleanedAbs takes a path apart; there are no symbolic links.
func (f *files) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	rel := inside(p)
	if f.folders[rel] {
		return filesys.ConfirmedDir(path.Join(mount, rel)), "", nil
	}
	if _, ok := f.data[rel]; ok {
		return filesys.ConfirmedDir(path.Join(mount, path.Dir(rel))), path.Base(rel), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
}

// ReadFile reads a file. A base that is read twice counts twice.
func (f *files) ReadFile(p string) ([]byte, error) {
	data, ok := f.data[inside(p)]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	if f.read += yamldoc.Size(data); f.read > maxRead {
		return nil, errors.New("is too much together with the files before it")
	}
	return data, nil
}

// bounded refuses what would fill the memory, or take very long: kustomize v0.21 expands aliases without a bound, and takes time
// that is quadratic in depth and in the keys of a map.
func (b *Build) bounded(all *files) error {
	for _, p := range slices.Sorted(maps.Keys(all.data)) {
		if b.Tree.File(p) != nil && mayBeHeavy(all.data[p]) {
			if _, err := b.Tree.Documents(p); err != nil && (yamldoc.IsYAML(p) || yamldoc.IsBomb(err)) {
				return fmt.Errorf("%s %w", p, err)
			}
		}
	}
	for _, f := range b.all {
		texts := slices.Concat(f.ks.Transformers, f.ks.Generators, f.ks.Validators)
		for _, p := range f.Patches() {
			texts = append(texts, p.Patch)
		}
		for _, text := range texts {
			if !mayBeHeavy([]byte(text)) {
				continue
			}
			if _, err := yamldoc.Decode([]byte(text)); yamldoc.IsBomb(err) {
				return fmt.Errorf("a patch, or the like, %w", err)
			}
		}
	}
	return nil
}

// mayBeHeavy reports whether a text may have aliases, be nested deeply, or have very many keys.
func mayBeHeavy(data []byte) bool {
	deep := 0
	for _, begin := range []string{"{", "[", "- ", "? "} {
		deep += bytes.Count(data, []byte(begin))
	}
	return deep > 500 || len(data) > 32<<10 || bytes.IndexByte(data, '&') >= 0 && bytes.IndexByte(data, '*') >= 0
}
