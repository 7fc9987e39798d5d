package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// fluxReadyTimeout bounds the start of kustomize-controller.
const fluxReadyTimeout = time.Minute

// Flux is a real kustomize-controller beside the control plane, and a stand-in for source-controller:
// Push makes a GitRepository whose artifact is served on loopback. Cluster.Stop stops it.
type Flux struct {
	cluster *Cluster
	program *program
	server  *artifactServer
}

// StartFlux starts kustomize-controller, which "make assets-e2e" builds, as an administrator that reconciles
// all namespaces, and waits until it is healthy.
func (c *Cluster) StartFlux(ctx context.Context) (_ *Flux, err error) {
	p, err := freePorts(ctx)
	if err != nil {
		return nil, err
	}
	f := &Flux{cluster: c}
	if f.server, err = serveArtifacts(ctx); err != nil {
		return nil, fmt.Errorf("start flux: %w", err)
	}
	f.program, err = c.start("kustomize-controller", []string{"RUNTIME_NAMESPACE=flux-system", "KUBECONFIG=" + c.Kubeconfig()},
		"--watch-all-namespaces", "--enable-leader-election=false", "--events-addr=",
		"--metrics-addr=:0", "--health-addr="+address(p.health), "--http-retry=1")
	if err != nil {
		return nil, errors.Join(err, f.server.close())
	}
	c.mu.Lock()
	c.flux = f
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, fluxReadyTimeout)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address(p.health))
		if err == nil {
			return f, conn.Close()
		}
		select {
		case <-f.program.done:
			return nil, fmt.Errorf("start kustomize-controller: it ended:\n%s", f.Logs())
		case <-ctx.Done():
			return nil, fmt.Errorf("start kustomize-controller: %w:\n%s", ctx.Err(), f.Logs())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Logs returns what kustomize-controller has logged.
func (f *Flux) Logs() string { return f.program.logs.String() }

// CLI runs the real flux command line as the administrator. As with Kubectl, an exit status other than 0 is
// no error.
func (f *Flux) CLI(ctx context.Context, args ...string) (Result, error) {
	program, err := builtProgram("flux")
	if err != nil {
		return Result{}, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+f.cluster.Kubeconfig(), "HOME="+f.cluster.dir)
	out, err := cmd.CombinedOutput()
	result := Result{Output: string(out)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
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
	return errors.Join(f.program.stop(), f.server.close())
}
