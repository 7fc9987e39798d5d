package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// fluxReadyTimeout bounds the start of kustomize-controller.
const fluxReadyTimeout = time.Minute

// Flux is a real kustomize-controller beside the control plane, and a stand-in for source-controller:
// Push makes a GitRepository whose artifact is served on loopback. Cluster.Stop stops it.
type Flux struct {
	cluster *Cluster
	cmd     *exec.Cmd
	done    chan struct{}
	logs    syncBuffer
	server  *artifactServer
}

// StartFlux starts kustomize-controller, which "make assets-e2e" builds, as an administrator that reconciles
// all namespaces, and waits until it is healthy.
func (c *Cluster) StartFlux(ctx context.Context) (_ *Flux, err error) {
	program, err := fluxProgram("kustomize-controller")
	if err != nil {
		return nil, err
	}
	p, err := freePorts(ctx)
	if err != nil {
		return nil, err
	}
	f := &Flux{cluster: c, done: make(chan struct{})}
	if f.server, err = serveArtifacts(ctx); err != nil {
		return nil, fmt.Errorf("start flux: %w", err)
	}
	// It must outlive the context of the caller; Stop ends it.
	f.cmd = exec.Command(program, "--watch-all-namespaces", "--enable-leader-election=false", "--events-addr=", //nolint:noctx // see above
		"--metrics-addr=:0", "--health-addr="+address(p.health), "--http-retry=1")
	f.cmd.Dir = c.dir
	f.cmd.Env = append(os.Environ(), "RUNTIME_NAMESPACE=flux-system", "KUBECONFIG="+c.Kubeconfig())
	f.cmd.Stdout, f.cmd.Stderr = &f.logs, &f.logs
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start kustomize-controller: %w", err)
	}
	c.mu.Lock()
	c.flux = f
	c.mu.Unlock()
	go func() {
		_ = f.cmd.Wait()
		close(f.done)
	}()
	if err := c.guard.watch("kustomize-controller", f.cmd.Process.Pid); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fluxReadyTimeout)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address(p.health))
		if err == nil {
			return f, conn.Close()
		}
		select {
		case <-f.done:
			return nil, fmt.Errorf("start kustomize-controller: it ended:\n%s", f.Logs())
		case <-ctx.Done():
			return nil, fmt.Errorf("start kustomize-controller: %w:\n%s", ctx.Err(), f.Logs())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Logs returns what kustomize-controller has logged.
func (f *Flux) Logs() string { return f.logs.String() }

// CLI runs the real flux command line as the administrator. As with Kubectl, an exit status other than 0 is
// no error.
func (f *Flux) CLI(ctx context.Context, args ...string) (Result, error) {
	program, err := fluxProgram("flux")
	if err != nil {
		return Result{}, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+f.cluster.Kubeconfig(), "HOME="+f.cluster.dir)
	out, err := cmd.CombinedOutput()
	result := Result{Output: string(out)}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		result.ExitCode, err = exit.ExitCode(), nil
	}
	if err != nil {
		return result, fmt.Errorf("run flux %s: %w", strings.Join(args, " "), err)
	}
	return result, nil
}

func (f *Flux) stop() error {
	if f == nil {
		return nil
	}
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-f.done:
	case <-time.After(stopTimeout):
		_ = f.cmd.Process.Kill()
		<-f.done
	}
	f.cluster.guard.forget("kustomize-controller")
	return f.server.close()
}

// fluxProgram returns the path of a program that "make assets-e2e" builds.
func fluxProgram(name string) (string, error) {
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
