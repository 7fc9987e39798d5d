package fluxrepo

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
)

// inspect reads a file and marks it. What is needed again soon is kept.
func (r *repo) inspect(f *file, buf []byte) []byte {
	buf, n, err := readInto(r.abs(f.path), buf)
	if err != nil {
		if f.err = err; errors.Is(err, errTooLarge) {
			f.marks = r.marks(buf) | markTooLarge
			return make([]byte, 64<<10)
		}
		return buf
	}
	data := buf[:n]
	f.size = int64(n)
	f.marks = r.marks(data)
	f.readNames(data)
	if n <= 64<<10 && (f.marks&(markWord|markKustomization) != 0 || slices.Contains(kustomizationNames, path.Base(f.path))) {
		f.data = bytes.Clone(data)
	}
	if len(buf) > 1<<20 {
		return make([]byte, 64<<10)
	}
	return buf
}

var errTooLarge = fmt.Errorf("is larger than %d MiB, so it was not read", maxFile>>20)

// content reads a file, or returns what is kept of it.
func (r *repo) content(f *file) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.data != nil {
		return f.data, nil
	}
	buf, n, err := readInto(r.abs(f.path), make([]byte, f.size+1))
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

func (r *repo) abs(rel string) string { return filepath.Join(r.root, filepath.FromSlash(rel)) }

func (r *repo) rel(abs string) string {
	rel, err := filepath.Rel(r.root, abs)
	if err != nil {
		return "."
	}
	return filepath.ToSlash(rel)
}

// show is how a path of the repository is told to the user.
func (r *repo) show(rel string) string { return path.Join(r.display, rel) }
