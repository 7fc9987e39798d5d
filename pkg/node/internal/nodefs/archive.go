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
	"testing/fstest"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// Bounds on an archive. Nothing of it is written to disk.
const (
	maxMembers   = 200_000   // files and folders in it
	maxDepth     = 64        // folders above a file
	maxNodes     = 500       // folders at the top, each of which may be a node's
	maxUnpacked  = 1 << 30   // bytes that it unpacks to; of a plain tar, that are read
	maxKept      = 128 << 20 // bytes that are kept in memory
	maxLogInside = 512 << 10 // bytes that are kept of a log, from its end
)

var (
	errUnpacked = fmt.Errorf("unpacks to more than %d bytes", int64(maxUnpacked))
	errKept     = fmt.Errorf("holds more than %d bytes of what is looked at", int64(maxKept))
)

// archive collects what the checks may ask for out of an archive.
type archive struct {
	files    fstest.MapFS // a file system in memory; a folder is in it if it has something to say
	members  int
	unpacked int64
	kept     int64
	newest   time.Time
}

// extent says of a folder of an archive, as its Sys, how much of it there is.
type extent struct {
	whole   bool // it is in the archive itself, and not only what is in it: what it lacks, the node lacks
	partial bool // except that something of it was not kept
}

// folder is what an archive has of a folder.
func (b *archive) folder(name string) *extent {
	f := b.files[below(name)]
	if f == nil || !f.Mode.IsDir() {
		f = &fstest.MapFile{Mode: fs.ModeDir, Sys: &extent{}}
		b.files[below(name)] = f
	}
	return f.Sys.(*extent)
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
	b := &archive{files: fstest.MapFS{}}
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
	return b.nodes(path.Base(name))
}

func (b *archive) zip(ctx context.Context, f io.ReaderAt, size int64) error {
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

func (b *archive) tar(ctx context.Context, f io.Reader) error {
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
		if m.Typeflag == tar.TypeLink { // to a file before it: "tar -h" also makes one of the second symbolic link to a file
			was := b.files[below(path.Clean("/"+m.Linkname))]
			if was == nil || !was.Mode.IsRegular() { // it was not kept
				was = &fstest.MapFile{Mode: fs.ModeIrregular}
			}
			e = Entry{Type: was.Mode.Type(), Size: int64(len(was.Data)), ModTime: was.ModTime}
			open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(was.Data)), nil }
		}
		if err := b.add(ctx, m.Name, e, open); err != nil {
			return err
		}
	}
}

// add takes one member of the archive.
func (b *archive) add(ctx context.Context, name string, e Entry, open func() (io.ReadCloser, error)) error {
	b.members++
	if b.members > maxMembers {
		return fmt.Errorf("holds more than %d files", maxMembers)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if strings.Contains("/"+name+"/", "/../") {
		return fmt.Errorf("%s: leads out of it", redact.Quote(name))
	}
	clean := path.Clean("/" + name)
	if e.ModTime.After(b.newest) {
		b.newest = e.ModTime
	}
	if !isLookedAt(clean, e.Type) {
		if strings.Count(clean, "/") <= maxDepth {
			b.folder(path.Dir(clean)).partial = true
		}
		return nil
	}
	if strings.Count(clean, "/") > maxDepth {
		return fmt.Errorf("%s: is more than %d folders deep", redact.Quote(name), maxDepth)
	}
	if e.Type.IsDir() {
		b.folder(clean).whole = true
		return nil
	}
	// Of two files with one name the last one counts, as it does when an archive is unpacked.
	file := &fstest.MapFile{Mode: e.Type, ModTime: e.ModTime}
	b.files[below(clean)] = file
	if e.Type.IsRegular() || e.Type == fs.ModeSymlink {
		data, err := b.content(clean, e, open)
		if err != nil {
			return fmt.Errorf("%s: %w", redact.Quote(name), err)
		}
		if file.Data = data; data == nil && e.Size > 0 {
			file.Sys = ErrTooLarge
		}
	}
	return nil
}

// content is what is kept of a member: small files of the folders that are looked at, the end of a log, and where a symbolic link leads.
func (b *archive) content(name string, e Entry, open func() (io.ReadCloser, error)) ([]byte, error) {
	limit, log := int64(MaxFile), isLog(name)
	if log {
		limit = maxLogInside
	} else if e.Size > limit {
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
	if b.kept += int64(len(data)); b.kept > maxKept {
		return nil, errKept
	}
	return data, err
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
