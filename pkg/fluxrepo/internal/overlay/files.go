package overlay

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// mount is where kustomize sees the repository. Nothing else exists for it.
const mount = "/repository"

// files are what one build reads. kustomize takes paths apart and reads files; all else would be done to an empty file system in
// memory.
type files struct {
	filesys.FileSystem

	data    map[string][]byte // by path, as kustomize has it
	folders map[string]bool
	of      *Build
	size    int // in bytes, without what is left out
	objects int // about so many
}

// leftOut stands in a file that is left out of a build: a list of nothing. kustomize would take longer to find that a
// file holds no object at all than for the rest of a large build.
const leftOut = "apiVersion: v1\nkind: List\nitems: []\n"

func (b *Build) newFiles() *files {
	return &files{FileSystem: filesys.MakeFsInMemory(), data: map[string][]byte{}, folders: map[string]bool{}, of: b}
}

// files are those of the repository, except for what is left out and kustomizations without what is not there.
func (b *Build) files() (*files, error) {
	out := b.newFiles()
	for _, f := range b.all {
		for _, p := range Files(f) {
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
				data, err = b.Tree.Read(p)
			}
			if err != nil {
				return nil, fmt.Errorf("%s %w", p, err)
			}
			out.size += len(data)
			out.objects += bytes.Count(data, []byte("\nkind:"))
			out.add(p, data)
		}
	}
	return out, nil
}

func (f *files) add(p string, data []byte) {
	p = path.Join(mount, p)
	f.data[p] = data
	for p = path.Dir(p); !f.folders[p]; p = path.Dir(p) {
		f.folders[p] = true
	}
}

// fingerprint stands for the content of all files.
func (f *files) fingerprint() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%x", f.data) // in order of the paths; never fails
	return string(h.Sum(nil))
}

// CleanedAbs takes a path apart; there are no symbolic links.
func (f *files) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	p = path.Clean(p)
	switch _, isFile := f.data[p]; {
	case f.folders[p]:
		return filesys.ConfirmedDir(p), "", nil
	case isFile:
		return filesys.ConfirmedDir(path.Dir(p)), path.Base(p), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
}

// ReadFile reads a file. A transformer, say, may name more of the artifact.
func (f *files) ReadFile(p string) ([]byte, error) {
	p = path.Clean(p)
	data, ok := f.data[p]
	if !ok {
		rel := strings.TrimPrefix(p, mount+"/")
		if f.of.Spec.Ignore.File(rel) {
			return nil, fs.ErrNotExist
		}
		var err error
		if data, err = f.of.Tree.Read(rel); err != nil {
			return nil, err
		}
	}
	return data, bomb(data)
}

// bomb is why a text can't be given to kustomize, which expands aliases without a bound. It may be no YAML.
func bomb(text []byte) error {
	if bytes.IndexByte(text, '&') < 0 || bytes.IndexByte(text, '*') < 0 {
		return nil
	}
	if _, err := yamldoc.Decode(text); yamldoc.IsBomb(err) {
		return err
	}
	return nil
}

// bombs are refused in patches that stand in place, too.
func (b *Build) bombs() error {
	for _, f := range b.all {
		for _, p := range f.Patches() {
			if err := bomb([]byte(p.Patch)); err != nil {
				return fmt.Errorf("a patch %w", err)
			}
		}
	}
	return nil
}
