//go:build unix

package fluxrepo_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// TestFIFO checks that a pipe, which nobody writes to, is not waited for.
func TestFIFO(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "release.yaml"), quickStart)
	writeFile(t, filepath.Join(root, ".git/HEAD"), "x")
	for _, name := range []string{"pipe.yaml", ".git/config"} {
		if err := syscall.Mkfifo(filepath.Join(root, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	if out := render(root, check(t, fluxrepo.Options{Paths: []string{root}})); !strings.Contains(out, "release kube-system/spegel") {
		t.Error(out)
	}
	if _, err := fluxrepo.Check(t.Context(), fluxrepo.Options{Paths: []string{filepath.Join(root, "pipe.yaml")}}); err == nil {
		t.Error("want an error for a path that is a pipe")
	}
}
