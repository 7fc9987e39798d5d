package nodefs

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// Bounds on an archive. Nothing of it is written to disk.
const (
	maxMembers  = 200_000  // files in it, and folders that are kept
	maxDepth    = 64       // folders above a file
	maxNodes    = 500      // folders at the top, each of which may be a node's
	maxUnpacked = 1 << 30  // bytes that it unpacks to; of a plain tar, that are read
	maxKept     = 64 << 20 // bytes that are kept in memory
	minLog      = 64 << 10 // bytes of a log that are kept of each node, however many there are
)

var errUnpacked = fmt.Errorf("unpacks to more than %d bytes", int64(maxUnpacked))

// bundleReader collects what the checks may ask for out of an archive.
type bundleReader struct {
	trees    map[string]*tree // by node; "" is a node's own root
	members  int
	entries  int // of all trees, with the folders that names imply
	unpacked int64
	kept     int64
	logLimit int64  // bytes that are kept of a log
	unsafe   int    // names of which it is not clear where they lead
	missed   int    // those of them that may be files of containerd
	missing  string // the first of these
	newest   time.Time
}

// OpenBundle reads an archive: what "talosctl support" writes (zip, one folder for each node), or a
// tar or tar.gz of a node's files from its root. It returns one Files for each node in it.
func OpenBundle(ctx context.Context, name string) ([]Files, error) {
	files, err := readBundle(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", name, err)
	}
	return files, nil
}

func readBundle(ctx context.Context, name string) ([]Files, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe could block
		return nil, ErrNotRegular
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b := &bundleReader{trees: map[string]*tree{}, logLimit: MaxLog}
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	switch head = head[:n]; {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case strings.HasPrefix(string(head), "PK"):
		err = b.zip(ctx, f, info.Size())
	case strings.HasPrefix(string(head), "\x1f\x8b"):
		var unpacked *gzip.Reader
		if unpacked, err = gzip.NewReader(bufio.NewReader(f)); err == nil {
			err = b.tar(ctx, unpacked)
		}
	default:
		err = b.tar(ctx, f)
	}
	if err != nil {
		return nil, err
	}
	return b.files(path.Base(name))
}

func (b *bundleReader) zip(ctx context.Context, f io.ReaderAt, size int64) error {
	r, err := zip.NewReader(f, size)
	if err != nil {
		return err
	}
	for _, m := range r.File {
		e := Entry{Type: m.Mode().Type(), Size: int64(min(m.UncompressedSize64, 1<<62)), ModTime: m.Modified}
		open := func() (io.ReadCloser, error) { return m.Open() }
		if err := b.add(ctx, m.Name, e, open); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundleReader) tar(ctx context.Context, f io.Reader) error {
	// Members are skipped by reading them, so this bounds a bomb; a plain tar is a file, and seeks.
	if _, ok := f.(io.Seeker); !ok {
		f = &budget{f, maxUnpacked}
	}
	r := tar.NewReader(f)
	for {
		m, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e := Entry{Type: m.FileInfo().Mode().Type(), Size: m.Size, ModTime: m.ModTime}
		open := func() (io.ReadCloser, error) { return io.NopCloser(r), nil }
		if m.Typeflag == tar.TypeSymlink {
			open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(m.Linkname)), nil }
		}
		if m.Typeflag == tar.TypeLink {
			var content []byte
			e, content = b.linked(m.Linkname, e)
			open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
		}
		if err := b.add(ctx, m.Name, e, open); err != nil {
			return err
		}
	}
}

// linked is the file that a hard link is another name of, which came before it: "tar -h" makes one also of the second
// symbolic link to a file. One that was not kept is no regular file.
func (b *bundleReader) linked(name string, link Entry) (e Entry, content []byte) {
	root, inside := splitNode(path.Clean("/" + name))
	if t := b.trees[root]; t != nil && t.entries[inside].Type.IsRegular() && t.has(inside) {
		return t.entries[inside], t.content[inside]
	}
	link.Type = fs.ModeIrregular
	return link, nil
}

// add takes one member of the archive.
func (b *bundleReader) add(ctx context.Context, name string, e Entry, open func() (io.ReadCloser, error)) error {
	b.members++
	if b.members > maxMembers {
		return fmt.Errorf("holds more than %d files", maxMembers)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	clean := path.Clean("/" + strings.TrimSuffix(name, "/"))
	if strings.Contains("/"+name+"/", "/../") || strings.ContainsAny(name, "\\\x00") {
		b.leaveOut(name, e)
		return nil
	}
	if e.ModTime.After(b.newest) {
		b.newest = e.ModTime
	}
	root, inside := splitNode(clean)
	t, err := b.tree(root)
	if err != nil {
		return err
	}
	if e.Type.IsDir() && inside != "/" { // of which nobody archives all
		t.given[inside] = true
	}
	if !isLookedAt(inside, e.Type) {
		t.partial[path.Dir(inside)] = true
		folder := kept(inside)
		if folder == inside {
			return nil
		}
		return b.put(t, folder, Entry{Name: path.Base(folder), Type: fs.ModeDir}, nil)
	}
	if strings.Count(inside, "/") > maxDepth {
		return fmt.Errorf("%s: is more than %d folders deep", redact.Quote(name), maxDepth)
	}
	e.Name = path.Base(inside)
	content, err := b.content(t, inside, e, open)
	if err != nil {
		return fmt.Errorf("%s: %w", redact.Quote(name), err)
	}
	return b.put(t, inside, e, content)
}

// tree is that of a node.
func (b *bundleReader) tree(root string) (*tree, error) {
	if b.trees[root] == nil {
		if len(b.trees) == maxNodes {
			return nil, fmt.Errorf("holds more than %d nodes", maxNodes)
		}
		b.trees[root] = newTree()
	}
	return b.trees[root], nil
}

// put adds a member to a tree. A name makes all folders above it, so they are counted too.
func (b *bundleReader) put(t *tree, name string, e Entry, content []byte) error {
	before := len(t.entries)
	t.put(name, e, content)
	if b.entries += len(t.entries) - before; b.entries > maxMembers {
		return fmt.Errorf("holds more than %d files and folders", maxMembers)
	}
	return nil
}

// content is what is kept of a member: small files of the folders that are looked at, the end of a log,
// and where a symbolic link leads. What there is no room for is not kept.
func (b *bundleReader) content(t *tree, name string, e Entry, open func() (io.ReadCloser, error)) ([]byte, error) {
	limit := int64(MaxFile)
	link, log := e.Type == fs.ModeSymlink, isLog(name)
	switch {
	case link:
		limit = 4 << 10
	case !e.Type.IsRegular() || !log && e.Size > MaxFile:
		return nil, nil
	case log:
		limit = b.logLimit
	}
	if b.unpacked > maxUnpacked {
		t.drop(name)
		return nil, nil
	}
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	data, read, err := readEnd(&budget{r, maxUnpacked - b.unpacked}, limit)
	b.unpacked += read
	if !log && read > limit { // the size in the header was a lie
		data = nil
	}
	if errors.Is(err, errUnpacked) || !b.makeRoom(int64(len(data))) {
		t.drop(name)
		return nil, nil
	}
	if log {
		data = bytes.Clone(data[max(0, int64(len(data))-b.logLimit):])
	}
	b.kept += int64(len(data))
	return data, err
}

// makeRoom shortens the logs of all nodes by half, again and again, until there is room for more.
func (b *bundleReader) makeRoom(size int64) bool {
	for b.kept+size > maxKept && b.logLimit > minLog {
		b.logLimit /= 2
		for _, t := range b.trees {
			for _, name := range t.logs() {
				text := t.content[name]
				t.content[name] = bytes.Clone(text[max(0, int64(len(text))-b.logLimit):])
				b.kept -= int64(len(text) - len(t.content[name]))
			}
		}
	}
	return b.kept+size <= maxKept
}

// readEnd reads all and keeps the last bytes.
func readEnd(r io.Reader, limit int64) (end []byte, read int64, err error) {
	chunk := make([]byte, 64<<10)
	for {
		n, err := r.Read(chunk)
		read += int64(n)
		end = append(end, chunk[:n]...)
		if int64(len(end)) > 2*limit {
			end = append(end[:0], end[int64(len(end))-limit:]...)
		}
		if err != nil {
			end = end[max(0, int64(len(end))-limit):]
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return end, read, err
		}
	}
}

// budget fails once more has been read than an archive may hold.
type budget struct {
	io.Reader
	left int64
}

// Read implements io.Reader.
func (b *budget) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errUnpacked
	}
	return n, err
}
