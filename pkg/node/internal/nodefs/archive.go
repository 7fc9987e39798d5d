package nodefs

import (
	"archive/tar"
	"archive/zip"
	"bufio"
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
	maxNodes     = 500       // folders at the top, each of which may be a node's
	maxUnpacked  = 1 << 30   // bytes that it unpacks to; of a plain tar, that are read
	maxKept      = 128 << 20 // bytes that are kept in memory, names included
	maxLogInside = 512 << 10 // bytes that are kept of a log, from its end
)

var (
	errUnpacked = fmt.Errorf("unpacks to more than %d bytes", int64(maxUnpacked))
	errKept     = fmt.Errorf("holds more than %d bytes of what is looked at", int64(maxKept))
)

// archive collects what the checks may ask for out of an archive.
type archive struct {
	files    fstest.MapFS // a file system in memory; a folder is in it if it is in the archive itself: what it lacks, the node lacks
	members  int
	unpacked int64
	kept     int64
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
	b := &archive{files: fstest.MapFS{}}
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	switch head = head[:n]; {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case strings.HasPrefix(string(head), "PK"):
		err = b.zip(ctx, f, info.Size())
	case strings.HasPrefix(string(head), "\x1f\x8b"):
		err = b.gzip(ctx, f)
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
		e := Entry{Name: m.Name, Type: m.Mode().Type(), Size: int64(min(m.UncompressedSize64, maxUnpacked+1)), ModTime: m.Modified}
		if err := b.add(ctx, e, m.Open); err != nil {
			return err
		}
	}
	return nil
}

// gzip reads a tar in it. Members are skipped by reading them, so this bounds a bomb; a plain tar is a file, and seeks.
func (b *archive) gzip(ctx context.Context, f io.Reader) error {
	r, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return err
	}
	bounded := &io.LimitedReader{R: r, N: maxUnpacked}
	if err = b.tar(ctx, bounded); bounded.N == 0 {
		return errUnpacked
	}
	return err
}

func (b *archive) tar(ctx context.Context, f io.Reader) error {
	r := tar.NewReader(f)
	for {
		m, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e := Entry{Name: m.Name, Type: m.FileInfo().Mode().Type(), Size: m.Size, ModTime: m.ModTime}
		var content io.Reader = r
		switch m.Typeflag {
		case tar.TypeSymlink:
			content = strings.NewReader(m.Linkname)
		case tar.TypeLink:
			e.Type = fs.ModeIrregular
		}
		if err := b.add(ctx, e, func() (io.ReadCloser, error) { return io.NopCloser(content), nil }); err != nil {
			return err
		}
		// To a file before it: "tar -h" also makes such a link of the second symbolic link to a file.
		if was := b.files[below(path.Clean("/"+m.Linkname))]; m.Typeflag == tar.TypeLink && was != nil && was.Mode.IsRegular() {
			b.files[below(path.Clean("/"+m.Name))] = was
		}
	}
}

// add takes one member of the archive, by its whole name.
func (b *archive) add(ctx context.Context, e Entry, open func() (io.ReadCloser, error)) error {
	name := path.Clean("/" + e.Name)
	b.members++
	b.kept += int64(len(name))
	switch {
	case b.members > maxMembers:
		return fmt.Errorf("holds more than %d files", maxMembers)
	case strings.Contains("/"+e.Name+"/", "/../"):
		return fmt.Errorf("%s: leads out of it", redact.Quote(e.Name))
	case ctx.Err() != nil:
		return ctx.Err()
	case e.ModTime.After(b.newest):
		b.newest = e.ModTime
	}
	// Of two files with one name the last one counts, as it does when an archive is unpacked.
	file := &fstest.MapFile{Mode: e.Type, ModTime: e.ModTime}
	b.files[below(name)] = file
	limit, log := int64(MaxFile), isLog(name)
	if log {
		limit = maxLogInside
	}
	switch {
	case !isLookedAt(name, e.Type):
		file.Sys = ErrNotGiven
		return nil
	case !e.Type.IsRegular() && e.Type != fs.ModeSymlink:
		return nil
	case e.Size > limit && !log:
		file.Sys = ErrTooLarge
		return nil
	}
	if b.unpacked += e.Size; b.unpacked > maxUnpacked {
		return errUnpacked
	}
	data, err := end(open, e.Size, limit)
	if err != nil {
		return fmt.Errorf("%s: %w", redact.Quote(e.Name), err)
	}
	file.Data = data
	if b.kept += int64(len(data)); b.kept > maxKept {
		return errKept
	}
	return nil
}

// end reads the last bytes of a member of that size: all of a small one.
func end(open func() (io.ReadCloser, error), size, limit int64) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	if _, err := io.CopyN(io.Discard, r, max(0, size-limit)); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, limit))
}
