package nodefs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Root reads a node's files below a folder of this machine: / on the node itself, or where a pod has
// the node's folders mounted.
type Root struct {
	root   *os.Root
	node   string
	around fs.FileInfo // the folder above; nil for that of the whole file system
}

// OpenRoot opens the folder. Close ends it.
func OpenRoot(dir string) (*Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("node root: %w", err)
	}
	r := &Root{root: root}
	inside, err := root.Stat(".")
	if err == nil {
		r.around, err = os.Stat(dir + "/..")
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("node root: %w", err)
	}
	if os.SameFile(inside, r.around) {
		r.around = nil
	}
	name, err := r.ReadFile(context.Background(), "/etc/hostname", 1<<10)
	if r.node = strings.TrimSpace(string(name)); err != nil || r.node == "" {
		if r.node, err = os.Hostname(); err != nil {
			r.node = "node"
		}
	}
	r.node = validate.Clean(r.node)
	return r, nil
}

// Close closes the folder.
func (r *Root) Close() error { return r.root.Close() }

// Node implements Files.
func (r *Root) Node() string { return r.node }

// Remote implements Files.
func (r *Root) Remote() bool { return false }

// Now implements Files.
func (r *Root) Now() time.Time { return time.Now() }

// ReadDir implements Files.
func (r *Root) ReadDir(_ context.Context, name string) ([]Entry, error) {
	f, err := r.open(name, onlyDirectory)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	list, err := f.ReadDir(maxEntries + 1)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case len(list) > maxEntries:
		return nil, ErrTooMany
	}
	entries := make([]Entry, 0, len(list))
	for _, d := range list {
		e := Entry{Name: d.Name(), Type: d.Type()}
		if info, err := d.Info(); err == nil {
			e.Size, e.ModTime = info.Size(), info.ModTime()
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}

// ReadFile implements Files.
func (r *Root) ReadFile(_ context.Context, name string, limit int64) ([]byte, error) {
	f, size, err := r.regular(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if size > limit {
		return nil, ErrTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge // /proc has files without a size
	}
	return data, err
}

// Log implements Files.
func (r *Root) Log(_ context.Context, limit int64) (Log, error) {
	return findLog(func(name string) ([]byte, error) {
		f, size, err := r.regular(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		if size > limit {
			if _, err := f.Seek(-limit, io.SeekEnd); err != nil {
				return nil, err
			}
		}
		return io.ReadAll(io.LimitReader(f, limit))
	})
}

func (r *Root) regular(name string) (*os.File, int64, error) {
	f, err := r.open(name, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// open never waits for the other end of a named pipe.
func (r *Root) open(name string, flag int) (*os.File, error) {
	at, last, err := follow(name, r.lookup)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lacks(r.given(at, last))
	}
	if err != nil {
		return nil, err
	}
	f, err := r.root.OpenFile(below(at), os.O_RDONLY|syscall.O_NONBLOCK|flag, 0)
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fs.ErrNotExist
	}
	return f, err
}

// lookup is for follow.
func (r *Root) lookup(name string) (target string, err error) {
	info, err := r.root.Lstat(below(name))
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return "", fs.ErrNotExist
	case err != nil || info.Mode().Type() != fs.ModeSymlink:
		return "", err
	}
	return r.root.Readlink(below(name))
}

// given reports whether a folder is all there, so that what it lacks, the node lacks. It is if it was mounted, or lies in
// what was: then it is on another file system than what is around the root. One that was copied is taken to be all
// there, except for folders in folders that it lacks, and if it looks like the way to a mount: it has folders and no file.
func (r *Root) given(name string, last bool) bool {
	dir, err := r.root.Open(below(name))
	if err != nil {
		return false
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Stat()
	if err != nil || r.around == nil || device(info) != device(r.around) {
		return err == nil
	}
	entries, err := dir.ReadDir(maxEntries)
	return last && (err != nil || slices.ContainsFunc(entries, func(d fs.DirEntry) bool {
		file, err := d.Info()
		return err == nil && !file.IsDir() && device(file) == device(info)
	}))
}

// device is the file system that a file is on.
func device(info fs.FileInfo) any {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Dev
	}
	return nil
}

// below is a name for package os.
func below(name string) string { return "." + name }
