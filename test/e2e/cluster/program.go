package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// program is a child process beside the control plane that the guard ends if nobody else does.
type program struct {
	name  string
	guard *guard
	cmd   *exec.Cmd
	done  chan struct{}
	logs  syncBuffer
}

// start starts the program of this name that "make assets-e2e" builds. It outlives every context: stop ends it.
func (c *Cluster) start(name string, env []string, args ...string) (*program, error) {
	path, err := builtProgram(name)
	if err != nil {
		return nil, err
	}
	p := &program{name: name, guard: c.guard, cmd: exec.Command(path, args...), done: make(chan struct{})} //nolint:noctx // see above
	p.cmd.Dir = c.dir
	p.cmd.Env = append(append(os.Environ(), memoryForTime), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.logs, &p.logs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	if err := c.guard.watch(name, p.cmd.Process.Pid); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// stop sends SIGTERM and waits for the end. Stopping nothing, or again, does nothing.
func (p *program) stop() error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	var err error
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
		err = fmt.Errorf("stop %s: it had to be killed, %s after SIGTERM", p.name, stopTimeout)
	}
	p.guard.forget(p.name)
	return err
}

// builtProgram returns the path of a program that "make assets-e2e" builds.
func builtProgram(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".cache", "bin", name)
	if !exists(path) {
		return "", fmt.Errorf("no program %s: run \"make assets-e2e\"", path)
	}
	return path, nil
}
