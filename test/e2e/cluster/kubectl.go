package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Result is what one run of kubectl printed and how it ended.
type Result struct {
	// Output is standard output and standard error together, in the order in which they were written.
	Output string
	// ExitCode is kubectl's exit status.
	ExitCode int
}

// Kubectl runs the real kubectl as the cluster's administrator; a --kubeconfig among args makes it someone
// else. An exit status other than 0 is no error: an error means that kubectl could not be run to its end.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (Result, error) {
	return c.KubectlInput(ctx, nil, args...)
}

// KubectlInput is Kubectl with a standard input, for "-f -".
func (c *Cluster) KubectlInput(ctx context.Context, stdin io.Reader, args ...string) (Result, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, c.kubectl, args...)
	cmd.Dir = c.workDir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &out
	// The caller's own kubectl preferences and caches must not show in the answers.
	cmd.Env = append(os.Environ(),
		"GOGC=off", "KUBECONFIG="+c.Kubeconfig(), "KUBERC=off", "KUBECACHEDIR="+filepath.Join(c.dir, "kubectl-cache"))
	err := cmd.Run()
	result := Result{Output: out.String(), ExitCode: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return result, fmt.Errorf("run kubectl: %w", ctx.Err())
	case errors.As(err, &exit) && exit.Exited():
		return result, nil
	case err != nil:
		return result, fmt.Errorf("run kubectl: %w", err)
	}
	return result, nil
}

// Apply applies objects with kubectl as the administrator, in the order given.
func (c *Cluster) Apply(ctx context.Context, objects ...*unstructured.Unstructured) error {
	var in bytes.Buffer
	for _, object := range objects {
		if err := json.NewEncoder(&in).Encode(object); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		in.WriteString("---\n")
	}
	result, err := c.KubectlInput(ctx, &in, "apply", "--server-side", "--filename=-")
	if err != nil {
		return fmt.Errorf("apply objects: %w", err)
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("apply objects: kubectl ended with status %d:\n%s", result.ExitCode, result.Output)
	}
	return nil
}

// KubectlPath returns the path of the kubectl program.
func (c *Cluster) KubectlPath() string {
	return c.kubectl
}
