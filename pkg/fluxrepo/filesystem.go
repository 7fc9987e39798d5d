package fluxrepo

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// mount is where kustomize sees the repository. Nothing else exists for it.
const mount = "/repository"

// view is the repository as kustomize sees it: the files of Flux's artifact, and over them what was made
// for this build. It can't be written to.
type view struct {
	*graph
	ignore *ignored          // of the source
	over   map[string][]byte // by path in the repository
}

var errReadOnly = errors.New("the repository is only read")

func (v *view) Create(string) (filesys.File, error)  { return nil, errReadOnly }
func (v *view) Mkdir(string) error                   { return errReadOnly }
func (v *view) MkdirAll(string) error                { return errReadOnly }
func (v *view) RemoveAll(string) error               { return errReadOnly }
func (v *view) WriteFile(string, []byte) error       { return errReadOnly }
func (v *view) Open(string) (filesys.File, error)    { return nil, errReadOnly }
func (v *view) Walk(string, filepath.WalkFunc) error { return errReadOnly }
func (v *view) Glob(pattern string) ([]string, error) {
	p, ok := inside(pattern)
	if !ok {
		return nil, nil
	}
	if v.Exists(pattern) {
		return []string{pattern}, nil
	}
	names, err := v.ReadDir(path.Join(mount, path.Dir(p)))
	if err != nil {
		return nil, nil //nolint:nilerr // as filepath.Glob does
	}
	var out []string
	for _, name := range names {
		if ok, err := path.Match(path.Base(p), name); err == nil && ok {
			out = append(out, path.Join(mount, path.Dir(p), name))
		}
	}
	return out, nil
}

// inside turns kustomize's path into one of the repository.
func inside(p string) (string, bool) {
	p = path.Clean(filepath.ToSlash(p))
	if p == mount {
		return ".", true
	}
	return strings.CutPrefix(p, mount+"/")
}

func (v *view) IsDir(p string) bool {
	rel, ok := inside(p)
	return ok && v.dirs[rel] != nil && !v.ignore.dir(rel)
}

func (v *view) isFile(rel string) bool {
	return v.over[rel] != nil || v.files[rel] != nil && !v.ignore.file(rel)
}

func (v *view) Exists(p string) bool {
	rel, ok := inside(p)
	return ok && (v.isFile(rel) || v.IsDir(p))
}

func (v *view) ReadDir(p string) ([]string, error) {
	rel, ok := inside(p)
	if !ok || !v.IsDir(p) {
		return nil, fs.ErrNotExist
	}
	return append(append([]string(nil), v.dirs[rel].files...), v.dirs[rel].dirs...), nil
}

func (v *view) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	rel, ok := inside(p)
	switch {
	case ok && v.IsDir(p):
		return filesys.ConfirmedDir(path.Join(mount, rel)), "", nil
	case ok && v.isFile(rel):
		return filesys.ConfirmedDir(path.Join(mount, path.Dir(rel))), path.Base(rel), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: strings.TrimPrefix(p, mount+"/"), Err: fs.ErrNotExist}
}

// ReadFile reads a file as Flux's tools do, with the byte-order mark and Windows line ends of a manifest
// taken off. What would grow without bound is refused.
func (v *view) ReadFile(p string) ([]byte, error) {
	rel, ok := inside(p)
	if !ok {
		return nil, fs.ErrNotExist
	}
	if data, ok := v.over[rel]; ok {
		return data, nil
	}
	f := v.files[rel]
	if f == nil || v.ignore.file(rel) {
		return nil, &fs.PathError{Op: "open", Path: rel, Err: fs.ErrNotExist}
	}
	data, err := v.content(f)
	if err != nil {
		return nil, err
	}
	if f.marks&markAnchor != 0 {
		if _, err := decodeDocuments(data); err != nil && (isYAML(rel) || isBomb(err)) {
			return nil, err
		}
	}
	return normal(f, data), nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// normal takes a byte-order mark and Windows line ends off a manifest.
func normal(f *file, data []byte) []byte {
	if !isYAML(f.path) && path.Base(f.path) != "Kustomization" {
		return data
	}
	data = bytes.TrimPrefix(data, byteOrderMark)
	if bytes.Contains(data, []byte("\r\n")) {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return data
}
