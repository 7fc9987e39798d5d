// Package talosctl reads the files of a node of Talos through the program of that name. It is one of the Files of nodefs; of the project it
// may import that, redact and pkg/validate.
package talosctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// timeout bounds one call of it.
const timeout = 30 * time.Second

// Node is a node of Talos, read with the context that its user has chosen. It relies on what "list --long", "read" and
// "logs" print as the Talos documentation shows it, and what they print is bounded.
type Node struct {
	program string
	address string
	reached bool // the node has listed its root
}

// New is for one node, by the address that talosctl knows it by. The program is a file name, or
// is looked up on PATH.
func New(program, node string) (*Node, error) {
	if node == "" || strings.HasPrefix(node, "-") {
		return nil, fmt.Errorf("--talos %s: want the name or address of a node", redact.Quote(node))
	}
	found, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("--talos needs talosctl: %w", err)
	}
	return &Node{program: found, address: node}, nil
}

// Node implements nodefs.Files.
func (t *Node) Node() string { return validate.Clean(t.address) }

// Remote implements nodefs.Files.
func (*Node) Remote() bool { return true }

// Now implements nodefs.Files.
func (*Node) Now() time.Time { return time.Now() }

// ReadDir implements nodefs.Files.
func (t *Node) ReadDir(ctx context.Context, name string) ([]nodefs.Entry, error) {
	if err := t.reach(ctx); err != nil {
		return nil, err
	}
	return t.list(ctx, name)
}

func (t *Node) list(ctx context.Context, name string) ([]nodefs.Entry, error) {
	// 512 bytes hold a line with a long name.
	out, err := t.run(ctx, nodefs.MaxEntries<<9, "list", "--long", name)
	if errors.Is(err, nodefs.ErrTooLarge) {
		return nil, nodefs.ErrTooMany
	}
	if err != nil {
		return nil, err
	}
	return parseList(out, t.Now())
}

// reach makes sure, once, that it is the node that answers: what a program prints that never came so far says nothing
// of what the node lacks.
func (t *Node) reach(ctx context.Context) error {
	if t.reached {
		return nil
	}
	entries, err := t.list(ctx, "/")
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return errors.New("talosctl list --long / shows no files of the node")
	case err != nil:
		return err
	}
	t.reached = true
	return nil
}

// ReadFile implements nodefs.Files. That a file is empty must show in its folder, too.
func (t *Node) ReadFile(ctx context.Context, name string, limit int64) ([]byte, error) {
	if err := t.reach(ctx); err != nil {
		return nil, err
	}
	data, err := t.run(ctx, limit, "read", name)
	if err != nil || len(data) > 0 {
		return data, err
	}
	entries, err := t.list(ctx, path.Dir(name))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(entries, func(e nodefs.Entry) bool {
		return e.Name == path.Base(name) && (e.Size == 0 || e.Type == fs.ModeSymlink)
	}) {
		return nil, errors.New("talosctl read printed nothing")
	}
	return data, nil
}

// Log implements nodefs.Files. The service is called cri, and 20,000 lines of it are about 4 MiB.
func (t *Node) Log(ctx context.Context, limit int64) (nodefs.Log, error) {
	if err := t.reach(ctx); err != nil {
		return nodefs.Log{}, err
	}
	text, err := t.run(ctx, 4*limit, "logs", "cri", "--tail", "20000")
	if err != nil {
		return nodefs.Log{}, err
	}
	text = text[max(0, int64(len(text))-limit):]
	return nodefs.Log{Source: "talosctl logs cri", Text: text}, nil
}

// run calls talosctl and returns what it prints, at most limit bytes.
func (t *Node) run(ctx context.Context, limit int64, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.program, append([]string{"--nodes", t.address}, args...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC") // times are printed in local time, without a zone
	// What it started ends with it: talosctl may be a script around the real one.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var diagnostics bytes.Buffer
	cmd.Stderr = &diagnostics
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
		return nil, nodefs.ErrTooLarge
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

// onNode is how talosctl reports what a node's kernel said of a file. Without the head it would be a file of this machine,
// such as talosctl's own configuration; the name may be that of a folder above, or of where a symbolic link leads.
var onNode = regexp.MustCompile(`rpc error: code = \w+ desc = ([^\n]*: )?(l?stat|open|readlink) /[^\n]*: (no such file or|not a) directory`)

// talosError makes of talosctl's diagnostics what package fs calls it. The words are those of the
// node's kernel, and they outlast changes of what stands around them.
func talosError(text string, err error) error {
	switch {
	case onNode.MatchString(text):
		return fs.ErrNotExist
	case strings.Contains(text, "permission denied"), strings.Contains(text, "PermissionDenied"):
		return fs.ErrPermission
	case strings.Contains(text, "is a directory"), strings.Contains(text, "not a regular file"), strings.Contains(text, "must be a regular file"):
		return nodefs.ErrNotRegular
	case strings.Contains(text, "too many levels of symbolic links"):
		return nodefs.ErrLoop
	case text == "":
		return fmt.Errorf("talosctl: %w", err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return fmt.Errorf("talosctl: %s", redact.Line(first))
}
