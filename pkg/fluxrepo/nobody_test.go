//go:build unix

package fluxrepo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

const nobody = 65534

// TestUnreadable checks what the file system does not give away.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "release.yaml"), quickStart)
	writeFile(t, filepath.Join(root, "closed", "release.yaml"), quickStart)
	writeFile(t, filepath.Join(root, "closed.yaml"), quickStart)
	writeFile(t, filepath.Join(root, "flux", "apps.yaml"), generatedKustomization("apps", "flux-system", "./apps", ""))
	writeFile(t, filepath.Join(root, "apps", "release.yaml"), quickStart)
	writeFile(t, filepath.Join(root, "apps", "closed.yaml"), quickStart)
	for name, mode := range map[string]os.FileMode{"closed": 0, "closed.yaml": 0, "apps/closed.yaml": 0} {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "closed"), 0o700) }) // to be removed
	var out string
	if os.Getuid() == 0 { // who may read everything
		out = asNobody(t, root)
	} else {
		out = render(root, check(t, fluxrepo.Options{Paths: []string{root}}))
	}
	for _, want := range []string{"release kube-system/spegel", "error fatal=true closed:", "error fatal=true closed.yaml:"} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q:\n%s", want, out)
		}
	}
	if strings.Count(out, "apps/closed.yaml") != 1 { // a message with the path as it is on disk would be one more
		t.Errorf("want apps/closed.yaml told once:\n%s", out)
	}
}

// asNobody checks a repository in a process of this test's that has no rights beyond those of everybody.
func asNobody(t *testing.T, root string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "check.test") // the one that go test made lies where nobody else may look
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil { // it is to be run by somebody else
		t.Fatal(err)
	}
	for _, dir := range []string{root, filepath.Dir(program)} {
		for up := dir; up != filepath.Clean(os.TempDir()) && up != "/"; up = filepath.Dir(up) {
			if err := os.Chmod(up, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, mode := range map[string]os.FileMode{"release.yaml": 0o644, "flux": 0o755, "flux/apps.yaml": 0o644, "apps": 0o755, "apps/release.yaml": 0o644} {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestCheckOfNobody$")
	cmd.Dir = root
	cmd.Env = []string{"CHECK_AS_NOBODY=" + root}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestCheckOfNobody is the other process of asNobody; on its own it has nothing to do.
func TestCheckOfNobody(t *testing.T) {
	t.Parallel()
	if root := os.Getenv("CHECK_AS_NOBODY"); root != "" {
		fmt.Fprint(os.Stdout, render(root, check(t, fluxrepo.Options{Paths: []string{root}})))
	}
}
