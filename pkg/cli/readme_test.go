package cli_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// TestREADME runs the check that the README shows. What it prints stands there to the letter, but for the
// last line, which counts files.
func TestREADME(t *testing.T) { //nolint:paralleltest // it changes the working directory
	t.Chdir("../..")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	args := []string{"check", "examples/incident.yaml", "--config", "examples/policy.yaml"}
	if code := cli.Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != cli.ExitDenied {
		t.Errorf("exit code %d; want %d\n%s", code, cli.ExitDenied, stderr.String())
	}
	report, _, _ := strings.Cut(stdout.String(), "\n\n")
	for _, want := range []string{"webhook " + strings.Join(args, " "), report} {
		if !bytes.Contains(readme, []byte(want)) {
			t.Errorf("README.md does not say:\n%s", want)
		}
	}
}
