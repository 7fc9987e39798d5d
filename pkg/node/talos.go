package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// talosTimeout bounds one call of talosctl.
const talosTimeout = 30 * time.Second

// Talos reads a node's files through talosctl, with the context that its user has chosen. It calls
// "list --long", "read" and "logs", and relies on what they print as the Talos documentation shows it.
type Talos struct {
	program string
	node    string
	now     func() time.Time
}

// NewTalos is for one node, by the address that talosctl knows it by. The program is a file name, or
// is looked up on PATH.
func NewTalos(program, node string) (*Talos, error) {
	if node == "" || strings.HasPrefix(node, "-") {
		return nil, fmt.Errorf("--talos %s: want the name or address of a node", validate.Quote(node))
	}
	found, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("--talos needs talosctl: %w", err)
	}
	return &Talos{program: found, node: node, now: time.Now}, nil
}

// Node implements Files.
func (t *Talos) Node() string { return validate.Clean(t.node) }

// Remote implements Files.
func (t *Talos) Remote() bool { return true }

// Now implements Files.
func (t *Talos) Now() time.Time { return t.now() }

// ReadDir implements Files.
func (t *Talos) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	// 512 bytes hold a line with a long name.
	out, err := t.run(ctx, maxEntries<<9, "list", "--long", name)
	if errors.Is(err, errTooLarge) {
		return nil, errTooMany
	}
	if err != nil {
		return nil, err
	}
	return parseList(out, t.now())
}

// ReadFile implements Files.
func (t *Talos) ReadFile(ctx context.Context, name string, limit int64) ([]byte, error) {
	return t.run(ctx, limit, "read", name)
}

// Log implements Files. The service is called cri, and 20,000 lines of it are about 4 MiB.
func (t *Talos) Log(ctx context.Context, limit int64) (Log, error) {
	text, err := t.run(ctx, 4*limit, "logs", "cri", "--tail", "20000")
	if err != nil {
		return Log{}, err
	}
	text = text[max(0, int64(len(text))-limit):]
	return Log{Source: "talosctl logs cri", Text: text}, nil
}

// run calls talosctl and returns what it prints, at most limit bytes.
func (t *Talos) run(ctx context.Context, limit int64, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, talosTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.program, append([]string{"--nodes", t.node}, args...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC") // times are printed in local time, without a zone
	endsWithChildren(cmd)
	cmd.WaitDelay = time.Second
	var diagnostics bytes.Buffer
	cmd.Stderr = &limited{w: &diagnostics, left: 4 << 10}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("talosctl: %w", err)
	}
	data, readErr := io.ReadAll(io.LimitReader(out, limit+1))
	if int64(len(data)) > limit {
		cancel()
		_ = cmd.Wait()
		return nil, errTooLarge
	}
	err = errors.Join(readErr, cmd.Wait())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil && (len(data) > 0 || diagnostics.Len() == 0):
		return data, nil
	}
	return nil, talosError(diagnostics.String(), err)
}

// talosError makes of talosctl's diagnostics what package fs calls it. The words are those of the
// node's kernel, and they outlast changes of what stands around them.
func talosError(text string, err error) error {
	switch {
	case strings.Contains(text, "no such file or directory"), strings.Contains(text, "not a directory"):
		return fs.ErrNotExist
	case strings.Contains(text, "permission denied"), strings.Contains(text, "PermissionDenied"):
		return fs.ErrPermission
	case strings.Contains(text, "is a directory"), strings.Contains(text, "not a regular file"):
		return errNotRegular
	case strings.Contains(text, "too many levels of symbolic links"):
		return errLoop
	case text == "":
		return fmt.Errorf("talosctl: %w", err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return fmt.Errorf("talosctl: %s", line(first))
}

// limited takes what it is given and keeps the beginning.
type limited struct {
	w    io.Writer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	keep := p[:min(len(p), l.left)]
	l.left -= len(keep)
	if _, err := l.w.Write(keep); err != nil {
		return 0, err
	}
	return len(p), nil
}
