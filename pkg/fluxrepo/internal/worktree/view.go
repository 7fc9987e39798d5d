package worktree

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Mount is where kustomize sees the repository. Nothing else exists for it.
const Mount = "/repository"

// View is the repository as kustomize sees it: the files of an artifact, and over them what was made for one
// build. It can't be written to.
type View struct {
	Tree   *Tree
	Ignore *Ignore           // of the source
	Over   map[string][]byte // by path in the repository
}

var _ filesys.FileSystem = (*View)(nil)

var errReadOnly = errors.New("the repository is only read")

// Create fails: the repository is only read.
func (v *View) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir fails: the repository is only read.
func (v *View) Mkdir(string) error { return errReadOnly }

// MkdirAll fails: the repository is only read.
func (v *View) MkdirAll(string) error { return errReadOnly }

// RemoveAll fails: the repository is only read.
func (v *View) RemoveAll(string) error { return errReadOnly }

// WriteFile fails: the repository is only read.
func (v *View) WriteFile(string, []byte) error { return errReadOnly }

// Open fails: the repository is only read.
func (v *View) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Walk fails: the repository is only read.
func (v *View) Walk(string, filepath.WalkFunc) error { return errReadOnly }

// Glob does what filepath.Glob does, with a pattern in the last step.
func (v *View) Glob(pattern string) ([]string, error) {
	p, ok := inside(pattern)
	if !ok {
		return nil, nil
	}
	if v.Exists(pattern) {
		return []string{pattern}, nil
	}
	names, err := v.ReadDir(path.Join(Mount, path.Dir(p)))
	if err != nil {
		return nil, nil //nolint:nilerr // as filepath.Glob does
	}
	var out []string
	for _, name := range names {
		if ok, err := path.Match(path.Base(p), name); err == nil && ok {
			out = append(out, path.Join(Mount, path.Dir(p), name))
		}
	}
	return out, nil
}

// inside turns a path of kustomize into one of the repository.
func inside(p string) (string, bool) {
	p = path.Clean(filepath.ToSlash(p))
	if p == Mount {
		return ".", true
	}
	return strings.CutPrefix(p, Mount+"/")
}

// IsDir reports whether a path is a folder of the artifact.
func (v *View) IsDir(p string) bool {
	rel, ok := inside(p)
	return ok && v.Tree.Dir(rel) != nil && !v.Ignore.Dir(rel)
}

func (v *View) isFile(rel string) bool {
	return v.Over[rel] != nil || v.Tree.File(rel) != nil && !v.Ignore.File(rel)
}

// Exists reports whether a path is a file or folder of the artifact.
func (v *View) Exists(p string) bool {
	rel, ok := inside(p)
	return ok && (v.isFile(rel) || v.IsDir(p))
}

// ReadDir lists a folder.
func (v *View) ReadDir(p string) ([]string, error) {
	rel, ok := inside(p)
	if !ok || !v.IsDir(p) {
		return nil, fs.ErrNotExist
	}
	d := v.Tree.Dir(rel)
	return append(append([]string(nil), d.Files...), d.Dirs...), nil
}

// CleanedAbs takes a path apart; there are no symbolic links.
func (v *View) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	rel, ok := inside(p)
	switch {
	case ok && v.IsDir(p):
		return filesys.ConfirmedDir(path.Join(Mount, rel)), "", nil
	case ok && v.isFile(rel):
		return filesys.ConfirmedDir(path.Join(Mount, path.Dir(rel))), path.Base(rel), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: strings.TrimPrefix(p, Mount+"/"), Err: fs.ErrNotExist}
}

// ReadFile reads a file as the tools of Flux do, with the byte-order mark and Windows line ends of a manifest
// taken off. What would grow without bound is refused.
func (v *View) ReadFile(p string) ([]byte, error) {
	rel, ok := inside(p)
	if !ok {
		return nil, fs.ErrNotExist
	}
	if data, ok := v.Over[rel]; ok {
		return data, nil
	}
	if !v.isFile(rel) {
		return nil, &fs.PathError{Op: "open", Path: rel, Err: fs.ErrNotExist}
	}
	data, err := v.Tree.Read(rel)
	if err != nil {
		return nil, err
	}
	f := v.Tree.File(rel)
	if f.Marks&Anchor != 0 {
		if _, err := v.Tree.Documents(rel); err != nil && (yamldoc.IsYAML(rel) || yamldoc.IsBomb(err)) {
			return nil, err
		}
	}
	if yamldoc.IsYAML(rel) || path.Base(rel) == "Kustomization" {
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		if bytes.Contains(data, []byte("\r\n")) {
			data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		}
	}
	return data, nil
}

// plainText turns UTF-16 with a byte-order mark into UTF-8.
func plainText(data []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}
