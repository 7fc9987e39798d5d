package nodefs

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tree implements Files for a file system: a folder of this machine, or an archive in memory. All symbolic links are followed here, so
// they lead nowhere else, and the file system is asked for names without one in them, except that the last step may be one.
type tree struct {
	fsys   fs.FS
	node   string
	remote bool
	now    func() time.Time
	// lacks reports whether the node lacks what a folder lacks, rather than it having been left out. It is the last step of a name, or not.
	lacks func(folder string, last bool) bool
}

// below is an absolute name for package fs.
func below(name string) string { return cmp.Or(name[1:], ".") }

// Node implements Files.
func (t *tree) Node() string { return t.node }

// Remote implements Files.
func (t *tree) Remote() bool { return t.remote }

// Now implements Files.
func (t *tree) Now() time.Time { return t.now() }

// ReadDir implements Files.
func (t *tree) ReadDir(_ context.Context, name string) ([]Entry, error) {
	f, info, err := t.open(name)
	if errors.Is(err, ErrNotRegular) {
		err = ErrNotFolder
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if !info.IsDir() {
		return nil, ErrNotFolder
	}
	infos, err := f.(fs.ReadDirFile).ReadDir(MaxEntries + 1)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case len(infos) > MaxEntries:
		return nil, ErrTooMany
	}
	entries := make([]Entry, 0, len(infos))
	for _, i := range infos {
		e := Entry{Name: i.Name(), Type: i.Type()}
		if info, err := i.Info(); err == nil {
			e.Size, e.ModTime = info.Size(), info.ModTime()
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}

// ReadFile implements Files.
func (t *tree) ReadFile(_ context.Context, name string, limit int64) ([]byte, error) {
	return t.read(name, limit, false)
}

// Log implements Files.
func (t *tree) Log(_ context.Context, limit int64) (Log, error) {
	return findLog(func(name string) ([]byte, error) { return t.read(name, limit, true) })
}

// read reads a regular file, or the end of one.
func (t *tree) read(name string, limit int64, end bool) ([]byte, error) {
	f, info, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info.IsDir() {
		return nil, ErrNotRegular
	}
	if end && info.Size() > limit {
		if _, err := f.(io.Seeker).Seek(-limit, io.SeekEnd); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1)) // /proc has files without a size
	if int64(len(data)) > limit && !end {
		return nil, ErrTooLarge
	}
	return data[:min(int64(len(data)), limit)], err
}

// open opens a regular file or a folder, and nothing else: it never waits for the other end of a named pipe.
func (t *tree) open(name string) (fs.File, fs.FileInfo, error) {
	name, err := t.follow(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := fs.Lstat(t.fsys, below(name))
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, nil, ErrNotRegular
	}
	if err, ok := info.Sys().(error); ok { // why an archive does not keep it
		return nil, nil, err
	}
	f, err := t.fsys.Open(below(name))
	return f, info, err
}

// maxLinks is how many symbolic links one name may lead through, as on Linux.
const maxLinks = 40

// follow resolves the symbolic links in a name, as a process does whose root is that of the node's files: an absolute
// target begins there, and no ".." leads above it.
func (t *tree) follow(name string) (string, error) {
	at := "/"
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0])
		if todo = todo[1:]; next == at || next == "/" || next == path.Dir(at) {
			at = next
			continue
		}
		info, err := fs.Lstat(t.fsys, below(next))
		switch gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR); {
		case gone && t.lacks(at, len(todo) == 0):
			return "", fs.ErrNotExist
		case gone:
			return "", ErrNotGiven
		case err != nil:
			return "", err
		case info.Mode().Type() != fs.ModeSymlink:
			at = next
			continue
		}
		target, err := fs.ReadLink(t.fsys, below(next))
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			at = "/"
		}
		links++
		if links > maxLinks {
			return "", ErrLoop
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return at, nil
}
