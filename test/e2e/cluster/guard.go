package cluster

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// guardScript waits for the end of its standard input, a pipe that only the owner of the control plane
// holds open: the kernel closes it however the owner dies, SIGKILL and a test's time-out included. If the
// directory is still there then, nobody called Stop, and the script does it the hard way; all the data is
// throw-away. A parent-death signal would be shorter, but it exists on Linux only, follows the thread
// and not the process, and envtest leaves no place to set it.
const guardScript = `
while read -r _; do :; done
[ -d "$1" ] || exit 0
for file in "$1"/pids/*; do
	[ -e "$file" ] && kill -KILL "$(cat "$file")" 2>/dev/null
done
rm -rf "$1"
`

// guard ends the processes whose ids are in its directory when its owner is gone.
type guard struct {
	dir   string
	cmd   *exec.Cmd
	stdin io.Closer
}

// startGuard starts a guard over dir, which it removes when the owner dies.
func startGuard(dir string) (*guard, error) {
	for _, sub := range []string{"pids", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("start the guard process: %w", err)
		}
	}
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", dir) //nolint:noctx // it must outlive every context
	// A process group of its own: Ctrl-C must reach the owner, not the guard.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the guard process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard process: %w", err)
	}
	return &guard{dir: dir, cmd: cmd, stdin: stdin}, nil
}

// memoryForTime has a program that is not what is tested spend little on collecting garbage.
const memoryForTime = "GOGC=400"

// wrap returns the path of a script that notes its process id and becomes program: envtest starts etcd and
// kube-apiserver itself and does not tell their ids.
func (g *guard) wrap(program string) (string, error) {
	name := filepath.Base(program)
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s && exec env %s %s \"$@\"\n", quote(g.pidFile(name)), memoryForTime, quote(program))
	path := filepath.Join(g.dir, "bin", name)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // it has to be executable
		return "", fmt.Errorf("wrap %s: %w", name, err)
	}
	return path, nil
}

// watch notes the process of a child under a name of its own.
func (g *guard) watch(name string, pid int) error {
	if err := os.WriteFile(g.pidFile(name), []byte(strconv.Itoa(pid)), 0o600); err != nil {
		return fmt.Errorf("note the process of %s: %w", name, err)
	}
	return nil
}

// forget takes back what watch noted, so that a later process with the same id is safe.
func (g *guard) forget(name string) {
	_ = os.Remove(g.pidFile(name))
}

// stop ends the guard. Whoever calls it has removed the directory, so the guard ends nothing else.
func (g *guard) stop() error {
	if err := g.stdin.Close(); err != nil {
		return fmt.Errorf("stop the guard process: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("stop the guard process: %w", err)
	}
	return nil
}

func (g *guard) pidFile(name string) string {
	return filepath.Join(g.dir, "pids", name)
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
