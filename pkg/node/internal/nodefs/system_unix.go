//go:build unix

package nodefs

import (
	"os/exec"
	"syscall"
)

// onlyDirectory makes an open fail with what is no directory.
const onlyDirectory = syscall.O_DIRECTORY

// endsWithChildren has the end of a command's time end what it started, too: talosctl may be a script around the real one.
func endsWithChildren(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
