package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// StartDaemonSetController starts the DaemonSet controller of kube-controller-manager, which "make assets-e2e"
// builds, as an administrator. Cluster.Stop stops it. Of what else a cluster has, no scheduler and no
// kubelet runs: pods are made, and wait.
func (c *Cluster) StartDaemonSetController() error {
	const name = "daemonset-controller"
	program, err := fluxProgram(name)
	if err != nil {
		return err
	}
	log, err := os.Create(c.logFile(name))
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	cmd := exec.Command(program, "--kubeconfig="+c.Kubeconfig()) //nolint:noctx // it must outlive the context of the caller
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it ends by a signal
		close(done)
	}()
	c.mu.Lock()
	c.stops = append(c.stops, func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(stopTimeout):
			_ = cmd.Process.Kill()
			<-done
		}
		c.guard.forget(name)
		return log.Close()
	})
	c.mu.Unlock()
	return c.guard.watch(name, cmd.Process.Pid)
}
