package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheInstallIsCheckedAsDocumented types the command of docs/install.md, and gets the answer that it shows.
func TestTheInstallIsCheckedAsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "\n$ sed ")
	command, answer, _ := strings.Cut(text, "\n")
	want, _, shown := strings.Cut(answer, "...\n```")
	if !found || !shown {
		t.Fatal("docs/install.md does not show how to check the install")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "sed "+command)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "KUBECONFIG="+shared.Kubeconfig(), "PATH="+filepath.Dir(shared.KubectlPath())+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("%v; want %q at the front of\n%s", err, want, out)
	}
}
