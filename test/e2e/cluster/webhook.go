package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// stopTimeout is how long the webhook may drain after SIGTERM before it is killed.
const stopTimeout = 15 * time.Second

// Webhook is the real webhook program, run beside the control plane with the arguments, policy and
// permissions that the manifests give it. Make one with Cluster.StartWebhook.
type Webhook struct {
	// Args are the arguments it is started with. Changes take effect at the next Start.
	Args []string

	cluster   *Cluster
	name      string
	binary    string
	dir       string
	env       []string // of the Deployment
	manifests Manifests
	ports     ports
	ca        []byte
	logs      syncBuffer

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts the program and returns once it says that it is ready. It is an error if it ends before
// that, with all it logged. After a Stop, it serves at the same addresses as before.
func (w *Webhook) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd != nil {
		return errors.New("start the webhook: it is running")
	}
	cmd := exec.Command(w.binary, w.Args...) //nolint:noctx // it runs until Stop; ctx is only for the start
	cmd.Dir = w.dir
	cmd.Env = append(append(os.Environ(), "GOGC="), w.env...) // as a pod has it, whatever the tests run with
	cmd.Stderr = &w.logs
	// A process group of its own: Ctrl-C in a terminal must reach only the owner, who then stops things in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the webhook: %w", err)
	}
	w.cmd, w.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		w.err = cmd.Wait()
		close(done)
	}(w.done)
	err := w.cluster.guard.watch(w.name, cmd.Process.Pid)
	if err == nil {
		err = w.waitReady(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start the webhook: %w", err), w.stop())
	}
	return nil
}

// Stop sends SIGTERM and waits until the program has ended. It is an error if it ends with a status other
// than 0, or has to be killed. Stopping a stopped webhook does nothing.
func (w *Webhook) Stop() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stop()
}

// Kill ends the program at once, as a crash would, and waits until it is gone. Start may follow.
func (w *Webhook) Kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Kill()
	<-w.done
	w.ended()
}

// Signal sends a signal to the running program: SIGSTOP to freeze it, SIGCONT to let it go on.
func (w *Webhook) Signal(signal os.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd == nil {
		return errors.New("signal the webhook: it is not running")
	}
	if err := w.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("signal the webhook: %w", err)
	}
	return nil
}

// Logs returns what the program has written to standard error since the first Start: one JSON object a line.
func (w *Webhook) Logs() string {
	return w.logs.String()
}

// WritePolicy replaces the policy file, in one step as the kubelet does. The program notices by itself.
func (w *Webhook) WritePolicy(policy []byte) error {
	next := w.policyFile() + ".next"
	if err := os.WriteFile(next, policy, 0o600); err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	if err := os.Rename(next, w.policyFile()); err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	return nil
}

// CertDir returns the directory of tls.crt and tls.key.
func (w *Webhook) CertDir() string {
	return filepath.Join(w.dir, "tls")
}

func (w *Webhook) policyFile() string {
	return filepath.Join(w.dir, "policy", "policy.yaml")
}

func (w *Webhook) stop() error {
	if w.cmd == nil {
		return nil
	}
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	_ = w.cmd.Process.Signal(syscall.SIGCONT) // a frozen process would not notice
	var err error
	select {
	case <-w.done:
		if w.err != nil {
			err = fmt.Errorf("the webhook ended with %w", w.err)
		}
	case <-time.After(stopTimeout):
		_ = w.cmd.Process.Kill()
		<-w.done
		err = fmt.Errorf("stop the webhook: it had to be killed, %s after SIGTERM", stopTimeout)
	}
	w.ended()
	return err
}

func (w *Webhook) ended() {
	w.cmd = nil
	w.cluster.guard.forget(w.name)
}
