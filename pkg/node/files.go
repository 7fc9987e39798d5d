package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Bounds on what is read of a node. A node that is fine stays far below them.
const (
	maxEntries = 20000    // names of one directory
	maxFile    = 1 << 20  // bytes of a configuration file
	maxTOML    = 64 << 10 // bytes of one in TOML, whose parser takes four times as long for twice as many tables
	maxLog     = 4 << 20  // bytes of a log, from its end
)

// Errors of Files, beside fs.ErrNotExist and fs.ErrPermission.
var (
	errTooLarge   = errors.New("is too large")
	errTooMany    = errors.New("holds too many entries")
	errNotRegular = errors.New("is not a regular file")
	errLoop       = errors.New("is a symbolic link that leads to itself")
	errRelative   = errors.New("is relative to the folder that containerd was started in, so that it was not read")
	// errNotGiven is fs.ErrNotExist where the node may well have the file.
	errNotGiven = fmt.Errorf("is not part of what could be read: %w", fs.ErrNotExist)
	// errElsewhere is errNotGiven of one place of several.
	errElsewhere = fmt.Errorf("does not exist, and the other places are not all part of what could be read: %w", errNotGiven)
)

// Files reads the files of one node. Names are absolute paths on the node, with slashes. Every read is
// bounded, and a symbolic link leads where it leads on the node, never out of the node's files.
type Files interface {
	// Node is the node's name, or what comes closest to it.
	Node() string
	// Remote tells whether this program runs elsewhere than on the node, so that a question to the network
	// is not answered as it would be there.
	Remote() bool
	// ReadDir lists a directory by name. It fails with errTooMany rather than list a part.
	ReadDir(ctx context.Context, name string) ([]Entry, error)
	// ReadFile reads a regular file of at most limit bytes.
	ReadFile(ctx context.Context, name string, limit int64) ([]byte, error)
	// Log returns the end of containerd's log, at most limit bytes.
	Log(ctx context.Context, limit int64) (Log, error)
	// Unread says what of the node's files was handed over and can't be used, so that it is not known what they
	// lack.
	Unread() []string
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
	Short  string // why it is less than was asked for; empty if it is not
}

// isMissing tells that the node lacks a file, and that it was not just left out.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotGiven) }

// reason says in words why a file can't be read.
func reason(err error) string {
	for _, known := range []struct {
		err  error
		text string
	}{
		{errElsewhere, "does not exist, and the other places are not all part of what could be read"},
		{errNotGiven, "is not part of what could be read"},
		{fs.ErrNotExist, "does not exist"},
		{fs.ErrPermission, "may not be read: permission denied"},
		{errTooLarge, errTooLarge.Error()},
		{errTooMany, errTooMany.Error()},
		{errNotRegular, errNotRegular.Error()},
		{errLoop, errLoop.Error()},
		{errRelative, errRelative.Error()},
		{context.DeadlineExceeded, "took too long to read"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return "can't be read: " + line(err.Error())
}
