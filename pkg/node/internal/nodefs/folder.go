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
	tree
	folder folder
}

// OpenRoot opens the folder. Close ends it.
func OpenRoot(dir string) (*Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("node root: %w", err)
	}
	r := &Root{folder: folder{root: root}}
	r.tree = tree{about{now: time.Now}, &r.folder}
	inside, err := root.Stat(".")
	if err == nil {
		r.folder.around, err = os.Stat(dir + "/..")
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("node root: %w", err)
	}
	if os.SameFile(inside, r.folder.around) {
		r.folder.around = nil
	}
	host, _ := os.Hostname()
	r.node = validate.Clean(cmp.Or(r.hostname(), host, "node"))
	return r, nil
}

// Close closes the folder.
func (r *Root) Close() error { return r.folder.root.Close() }

// hostname is what the node calls itself; empty where its files don't say.
func (t *tree) hostname() string {
	name, _ := t.ReadFile(context.Background(), "/etc/hostname", 1<<10)
	return strings.TrimSpace(string(name))
}

// folder is a source.
type folder struct {
	root   *os.Root
	around fs.FileInfo // the folder above; nil for that of the whole file system
}

func (d *folder) lookup(name string) (target string, err error) {
	info, err := d.root.Lstat(below(name))
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return "", fs.ErrNotExist
	case err != nil || info.Mode().Type() != fs.ModeSymlink:
		return "", err
	}
	return d.root.Readlink(below(name))
}

func (d *folder) list(name string) ([]Entry, error) {
	f, err := d.root.OpenFile(below(name), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, ErrNotFolder
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	infos, err := f.ReadDir(MaxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	entries := make([]Entry, 0, len(infos))
	for _, i := range infos {
		e := Entry{Name: i.Name(), Type: i.Type()}
		if info, err := i.Info(); err == nil {
			e.Size, e.ModTime = info.Size(), info.ModTime()
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// open never waits for the other end of a named pipe.
func (d *folder) open(name string) (io.ReadSeekCloser, int64, error) {
	f, err := d.root.OpenFile(below(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
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

// lacks: a folder is all there if it was mounted, or lies in what was: then it is on another file system than what is around
// the root. One that was copied is taken to be all there, except for folders in folders that it lacks, and if it looks like
// the way to a mount: it has folders and no file.
func (d *folder) lacks(name string, last bool) bool {
	dir, err := d.root.OpenFile(below(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer func() { _ = dir.Close() }()
	info, err := dir.Stat()
	if err != nil || d.around == nil || device(info) != device(d.around) {
		return err == nil
	}
	entries, err := dir.ReadDir(MaxEntries)
	return last && (err != nil || slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		file, err := e.Info()
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
