package fluxrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"unicode/utf16"
)

// inspect reads a file and marks it. What is needed again soon is kept.
func (r *repo) inspect(f *file, buf []byte) []byte {
	buf, n, err := readInto(r.abs(f.path), buf)
	if err != nil {
		if f.err = unread(err); errors.Is(err, errTooLarge) {
			f.marks = r.marks(buf) | markTooLarge
			return make([]byte, 64<<10)
		}
		return buf
	}
	data := buf[:n]
	f.size = int64(n)
	if text := plainText(data); len(text) != len(data) {
		data, f.data = text, text
	}
	r.mark(f, data)
	f.readNames(data)
	leads := f.marks&markKustomization != 0 || slices.Contains(kustomizationNames, path.Base(f.path))
	if n <= 64<<10 && (leads || f.marks&markWord != 0) {
		f.data = bytes.Clone(data)
	}
	if leads && f.data != nil { // the graph asks for all of these, and here several are read at a time
		d := decodedFile{}
		d.docs, d.err = decodeDocuments(f.data)
		f.docs = &d
	}
	if len(buf) > 1<<20 {
		return make([]byte, 64<<10)
	}
	return buf
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
		return nil, unread(err)
	}
	return buf[:n], nil
}

// unread is why a file or folder can't be read, without its path on disk: its path in the repository is said beside it.
func unread(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("can't be read: %w", at.Err)
	}
	return err
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
func (r *repo) show(rel string) string {
	s := path.Join(r.display, rel)
	if r.shown == nil {
		r.shown = map[string]string{}
	}
	r.shown[s] = rel
	return s
}

// unshow is the path in the repository that was shown.
func (r *repo) unshow(s string) string {
	if rel, ok := r.shown[s]; ok {
		return rel
	}
	return s
}
