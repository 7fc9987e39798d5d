package nodefs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// Bounds on what is read of a node. A node that is fine stays far below them.
const (
	MaxEntries = 20000   // names of one directory
	MaxFile    = 1 << 20 // bytes of a configuration file
	MaxLog     = 4 << 20 // bytes of a log, from its end
)

// Names that more than one package looks for on a node.
const (
	HostsToml = "hosts.toml" // in the folder of a registry
	// ContentStore is the folder of containerd's content store, below containerd's root.
	ContentStore = "io.containerd.content.v1.content"
	// Ingests is the folder in it that keeps downloads that have not ended.
	Ingests = "ingest"
)

// Errors of Files, besides fs.ErrNotExist and fs.ErrPermission.
var (
	ErrTooLarge   = errors.New("is too large")
	ErrTooMany    = errors.New("holds too many entries")
	ErrNotRegular = errors.New("is not a regular file")
	ErrNotFolder  = errors.New("is not a folder")
	ErrLoop       = errors.New("is a symbolic link that leads to itself")
	ErrRelative   = errors.New("is relative to the folder that containerd was started in, so that it was not read")
	// ErrNotGiven is fs.ErrNotExist where the node may well have the file.
	ErrNotGiven = fmt.Errorf("is not part of what could be read: %w", fs.ErrNotExist)
)

// Files reads the files of one node. Names are absolute paths on the node, with slashes. Every read is
// bounded, and a symbolic link leads where it leads on the node, never out of the node's files.
type Files interface {
	// Node is the node's name, or what comes closest to it.
	Node() string
	// Remote reports whether this program runs elsewhere than on the node, so that a question to the network
	// is not answered as it would be there.
	Remote() bool
	// ReadDir lists a directory by name. It fails with ErrTooMany rather than list a part.
	ReadDir(ctx context.Context, name string) ([]Entry, error)
	// ReadFile reads a regular file of at most limit bytes.
	ReadFile(ctx context.Context, name string, limit int64) ([]byte, error)
	// Log returns the end of containerd's log, at most limit bytes.
	Log(ctx context.Context, limit int64) (Log, error)
	// Now is the time at which the files were as they are.
	Now() time.Time
}

// Entry is one name in a directory.
type Entry struct {
	Name    string
	Type    fs.FileMode // type bits only; a symbolic link is not followed
	Size    int64       // bytes
	ModTime time.Time   // to the second at least; zero where it is not known
}

// Log is the end of a log.
type Log struct {
	Source string // a file name on the node, or the command that printed it
	Text   []byte
}

// IsMissing reports whether the node lacks a file, rather than the file having been left out.
func IsMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrNotGiven) }

// Reason says why a file can't be read.
func Reason(err error) string {
	for _, known := range []error{ErrTooLarge, ErrTooMany, ErrNotRegular, ErrNotFolder, ErrLoop, ErrRelative} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	switch {
	case errors.Is(err, ErrNotGiven):
		return "is not part of what could be read"
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read: permission denied"
	case errors.Is(err, context.DeadlineExceeded):
		return "took too long to read"
	}
	return "can't be read: " + redact.Line(err.Error())
}

// UnreadError says of a file or a folder that doctor can't read it: who uses it on the node may well be able to.
type UnreadError struct {
	Name string // empty where it is not known which one
	Err  error
}

// Unread is the error for a name.
func Unread(name string, err error) *UnreadError { return &UnreadError{name, err} }

// Error implements error.
func (e *UnreadError) Error() string {
	if e.Name == "" {
		return e.Err.Error()
	}
	return redact.Path(e.Name) + " " + Reason(e.Err)
}

// Unwrap is for package errors.
func (e *UnreadError) Unwrap() error { return e.Err }
