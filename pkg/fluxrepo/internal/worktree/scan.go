package worktree

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"golang.org/x/sync/errgroup"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	maxFile = 16 << 20 // in bytes; what is larger is not read as a whole
	maxKept = 16 << 10 // of the files that are needed again soon
)

var errTooLarge = fmt.Errorf("is larger than %d MiB, so it was not read", maxFile>>20)

// Options say how a repository is scanned.
type Options struct {
	Words   []string // the charts of the policy, as names or URLs, that the prefilter looks for
	Workers int      // how many files are read at the same time; 0 is one a CPU
	Asked   []string // paths of files that are read whatever their names; a folder among them is none
}

// Scan walks a folder and looks at the bytes of each YAML file once, several at a time.
func Scan(ctx context.Context, root string, o Options) (*Tree, error) {
	t := newTree(root, o.Words)
	var readers errgroup.Group
	readers.SetLimit(cmp.Or(o.Workers, runtime.GOMAXPROCS(0)))
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && p == ".":
			return err
		case err != nil: // a folder, of which anything may be below
			*t.add(p) = File{Path: p, Err: unread(err), Marks: Spegel}
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular(): // a symbolic link, say, is not in the artifact of Flux either
			f := t.add(p)
			if f.Asked = slices.Contains(o.Asked, p); f.IsManifest() || f.IsKustomization() {
				t.count++
				readers.Go(func() error { _, _ = t.inspect(f); return nil }) // what is wrong is noted with the file
			}
		}
		return nil
	})
	_ = readers.Wait() // what can't be read is noted with the file
	for _, p := range t.Paths() {
		if path.Base(p) == sourceignore.IgnoreFile {
			data, _ := t.Read(p) // a link, say, is not in the artifact
			t.patterns = append(t.patterns, sourceignore.ReadPatterns(bytes.NewReader(data), steps(path.Dir(p)))...)
		}
	}
	return t, err
}

// Few is a tree of a few files that are asked for, where no repository is around them. data is the content of a stream, of
// which there is nothing on disk.
func Few(root string, o Options, data []byte) *Tree {
	t := newTree(root, o.Words)
	for _, p := range o.Asked {
		f := t.add(p)
		f.Asked, f.data = true, data
		_, _ = t.inspect(f) // noted with the file
		t.count++
	}
	return t
}

// inspect reads a file, as the tools of Flux do, a manifest without byte-order mark and Windows line ends, and marks it.
// What is needed again soon is kept. Of a file that is too large only the beginning is marked.
func (t *Tree) inspect(f *File) ([]byte, error) {
	data, err := f.data, error(nil)
	if data == nil {
		data, err = readFile(filepath.Join(t.root, filepath.FromSlash(f.Path)))
	}
	if f.IsManifest() || f.IsKustomization() {
		data = plain(data)
	}
	f.Err = unread(err)
	if f.isMarked {
		return data, f.Err
	}
	f.isMarked, f.Marks = true, t.filter.marks(data)
	switch {
	case err == nil && len(data) <= maxKept && (f.Marks != 0 || f.IsKustomization()):
		f.data = bytes.Clone(data)
	case err != nil && !errors.Is(err, errTooLarge):
		f.Marks = Spegel // it may be about anything
	}
	return data, f.Err
}

func plain(data []byte) []byte {
	if len(data) > 0 && data[0] >= 0xef {
		if text, _, err := transform.Bytes(unicode.BOMOverride(encoding.Nop.NewDecoder()), data); err == nil {
			data = text
		}
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return data
}

// readFile never waits for a pipe, follows no symbolic link and is bounded.
func readFile(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), maxFile)) + bytes.MinRead)
	if _, err = b.ReadFrom(io.LimitReader(f, maxFile+1)); err == nil && b.Len() > maxFile {
		err = errTooLarge
	}
	return b.Bytes(), err
}

// unread is why a file or folder can't be read, without its path on disk: its path in the repository is said beside it.
func unread(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("can't be read: %w", at.Err)
	}
	return err
}

// origin matches the URL of the remote "origin" in the configuration of Git.
var origin = regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*remote[ \t]+"origin"[ \t]*\][ \t\r]*\n(?:[ \t]*[^\s\[].*\n|\s*\n)*?[ \t]*url[ \t]*=[ \t]*(.*\S)`)

// Origin is the URL of the remote "origin" in the clone's own configuration, or "". In a worktree or a submodule .git is a file
// that names the folder with it, or one with a file that names that.
func (t *Tree) Origin() string {
	dir := filepath.Join(t.root, ".git")
	follow := func(file, prefix string) {
		data, _ := readFile(filepath.Join(dir, file)) // there may be none
		to, ok := strings.CutPrefix(strings.TrimSpace(string(data)), prefix)
		switch {
		case !ok || to == "":
		case filepath.IsAbs(to):
			dir = to
		case file == "": // beside it
			dir = filepath.Join(t.root, to)
		default:
			dir = filepath.Join(dir, to)
		}
	}
	follow("", "gitdir: ")
	follow("commondir", "")
	data, _ := readFile(filepath.Join(dir, "config")) // there may be none
	if m := origin.FindSubmatch(data); m != nil {
		return string(m[1])
	}
	return ""
}
