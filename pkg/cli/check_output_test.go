package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// ending is a writer that ends a context when it is first written to.
type ending struct {
	io.Writer
	end context.CancelFunc
}

func (e ending) Write(p []byte) (int, error) {
	e.end()
	return e.Writer.Write(p)
}

// TestCheckEndsBetweenReports ends a check while it writes its first report: that one is whole, and no other is begun.
func TestCheckEndsBetweenReports(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	file := filepath.Join(t.TempDir(), "guard.json")
	stdin := strings.NewReader("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
	var stdout, stderr bytes.Buffer
	code := cli.Run(ctx, []string{"check", "-", "--private-registry", "harbor.example.com", "-o", "text", "-o", "json=" + file}, stdin, ending{&stdout, end}, &stderr)
	if code != cli.ExitFailed || stderr.String() != "spegel-guard: context canceled\n" || !strings.HasSuffix(stdout.String(), "in 1 file\n") {
		t.Errorf("exit code %d, standard error %q, standard output %q", code, &stderr, &stdout)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the second report was written")
	}
}
