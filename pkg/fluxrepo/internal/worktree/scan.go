package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/fluxcd/pkg/sourceignore"
	"golang.org/x/sync/errgroup"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

const (
	maxFile = 16 << 20 // in bytes; what is larger is not read as a whole
	maxKept = 64 << 10 // of the files that are needed again soon
)

var errTooLarge = fmt.Errorf("is larger than %d MiB, so it was not read", maxFile>>20)

// Options say how a repository is scanned.
type Options struct {
	Words    []string        // of the prefilter
	Workers  int             // how many files are read at the same time; 0 is one a CPU
	Progress func(files int) // called now and then; nil for none
	Shown    string          // the repository, for an error
}

// Scan walks a folder and looks at the bytes of each YAML file once, several at a time.
func Scan(ctx context.Context, root string, o Options) (*Tree, error) {
	t := newTree(root, o.Words)
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	work := make(chan *File, 256)
	group, ctx := errgroup.WithContext(ctx)
	var count counter
	var progress sync.Mutex
	for range workers {
		group.Go(func() error {
			buf := make([]byte, 64<<10)
			for f := range work {
				buf = t.inspect(f, buf)
				if n := count.Add(1); o.Progress != nil && n%512 == 0 {
					progress.Lock()
					o.Progress(int(n))
					progress.Unlock()
				}
			}
			return nil
		})
	}
	err := t.walk(ctx, o.Shown, work)
	close(work)
	if e := group.Wait(); err == nil {
		err = e
	}
	t.count = count.Load()
	if o.Progress != nil {
		o.Progress(int(t.count))
	}
	t.readIgnoreFiles()
	return t, err
}

func (t *Tree) walk(ctx context.Context, shown string, work chan<- *File) error {
	return filepath.WalkDir(t.root, func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel := t.Rel(p)
		switch {
		case err != nil && rel == ".":
			return fmt.Errorf("read %s: %w", shown, err)
		case err != nil:
			t.folder(rel).Err = unread(err)
			return nil
		case d.IsDir() && d.Name() == ".git" && rel != ".":
			return filepath.SkipDir
		case d.IsDir():
			t.folder(rel)
			return nil
		case !d.Type().IsRegular(): // a symbolic link, say, is not in the artifact of Flux either
			return nil
		}
		f := &File{Path: rel}
		t.add(f)
		if d.Name() == sourceignore.IgnoreFile {
			t.ignore.files = append(t.ignore.files, f)
		}
		if f.IsKustomization() || yamldoc.IsYAML(rel) {
			work <- f
		}
		return nil
	})
}

// inspect reads a file and marks it. What is needed again soon is kept. It returns the buffer, or another one.
func (t *Tree) inspect(f *File, buf []byte) []byte {
	f.read = true
	buf, n, err := readInto(t.abs(f.Path), buf)
	if err != nil {
		if f.Err = unread(err); errors.Is(err, errTooLarge) {
			f.Marks = t.filter.marks(buf) | TooLarge
			return make([]byte, 64<<10)
		}
		return buf
	}
	data := buf[:n]
	f.size = int64(n)
	if text := plainText(data); len(text) != len(data) {
		data, f.data = text, text
	}
	f.Marks = t.filter.marks(data)
	f.readNames(data)
	leads := f.Marks&Kustomization != 0 || f.IsKustomization()
	if n <= maxKept && f.data == nil && (leads || f.Marks&Word != 0) {
		f.data = bytes.Clone(data)
	}
	if leads && f.data != nil { // all of these are asked for, and here several are read at a time
		d := decoded{}
		d.docs, d.err = yamldoc.Decode(f.data)
		f.docs = &d
	}
	if len(buf) > 1<<20 {
		return make([]byte, 64<<10)
	}
	return buf
}

// unread is why a file or folder can't be read, without its path on disk: its path in the repository is said beside it.
func unread(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("can't be read: %w", at.Err)
	}
	return err
}

// Origin is the URL of the remote "origin" in the clone's own configuration, or "".
func (t *Tree) Origin() string {
	buf, n, err := readInto(filepath.Join(t.root, ".git", "config"), make([]byte, 4<<10))
	if err != nil {
		return ""
	}
	section := ""
	for line := range strings.Lines(string(buf[:n])) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Join(strings.Fields(line), " ")
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && section == `[remote "origin"]` && strings.TrimSpace(key) == "url" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Kustomization is the name of a folder's kustomization, or "" where it has none, or one that is left out.
func (t *Tree) Kustomization(d *Dir, ignore *Ignore) string {
	if d == nil || len(d.both) == 0 {
		return ""
	}
	for _, name := range kustomizationNames() {
		if slices.Contains(d.both, name) && !ignore.File(join(d.Path, name)) {
			return name
		}
	}
	return ""
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
