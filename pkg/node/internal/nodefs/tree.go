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
	"time"
)

// about is what Files say of themselves.
type about struct {
	node   string
	remote bool
	now    func() time.Time
}

// Node implements Files.
func (a *about) Node() string { return a.node }

// Remote implements Files.
func (a *about) Remote() bool { return a.remote }

// Now implements Files.
func (a *about) Now() time.Time { return a.now() }

// source is what a tree reads: a folder of this machine, or an archive in memory. It is asked for names without a symbolic link
// in them, except that the last step of one that is looked up may be one.
type source interface {
	// lookup returns where a symbolic link leads, and nothing for what is none.
	lookup(name string) (target string, err error)
	// list lists a folder, and may stop above MaxEntries.
	list(name string) ([]Entry, error)
	// open opens a regular file and says how many bytes it has.
	open(name string) (f io.ReadSeekCloser, size int64, err error)
	// lacks reports whether the node lacks what a folder lacks, rather than it having been left out. It is the last step of a name, or not.
	lacks(folder string, last bool) bool
}

// tree implements Files for a source. All symbolic links are followed here, so they lead nowhere else.
type tree struct {
	about
	from source
}

// ReadDir implements Files.
func (t *tree) ReadDir(_ context.Context, name string) ([]Entry, error) {
	name, err := t.follow(name)
	if err != nil {
		return nil, err
	}
	entries, err := t.from.list(name)
	if err == nil && len(entries) > MaxEntries {
		err = ErrTooMany
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}

// ReadFile implements Files.
func (t *tree) ReadFile(_ context.Context, name string, limit int64) ([]byte, error) {
	f, size, err := t.open(name)
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
func (t *tree) Log(_ context.Context, limit int64) (Log, error) {
	return findLog(func(name string) ([]byte, error) {
		f, size, err := t.open(name)
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

func (t *tree) open(name string) (io.ReadSeekCloser, int64, error) {
	name, err := t.follow(name)
	if err != nil {
		return nil, 0, err
	}
	return t.from.open(name)
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
		target, err := t.from.lookup(next)
		switch {
		case errors.Is(err, fs.ErrNotExist) && t.from.lacks(at, len(todo) == 0):
			return "", fs.ErrNotExist
		case errors.Is(err, fs.ErrNotExist):
			return "", ErrNotGiven
		case err != nil:
			return "", err
		case target == "":
			at = next
			continue
		case path.IsAbs(target):
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
