package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever builds the project for the first time reads in one line what the machine lacks.
func TestMakeSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fake string // a program go, in the shell's language; none if empty
		want string
	}{
		"no Go": {
			want: "there is no go on the PATH: install Go 1.21 or newer",
		},
		"Go before toolchains": {
			fake: `echo go version go1.20.14 linux/amd64`,
			want: "Go 1.20 is too old: install Go 1.21 or newer, which fetches the toolchain that go.mod names",
		},
		"no network for the toolchain": {
			fake: `[ "$GOTOOLCHAIN" != local ] || { echo go version go1.21.0 linux/amd64; exit; }
echo 'go: download go1.27.4 for linux/amd64: toolchain not available' >&2
echo 'and more' >&2
exit 1`,
			want: "the Go toolchain that go.mod names can't be fetched: go: download go1.27.4 for linux/amd64: toolchain not available",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir()
			for _, program := range []string{"make", "bash", "dirname", "env"} {
				found, err := exec.LookPath(program)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(found, filepath.Join(path, program)); err != nil {
					t.Fatal(err)
				}
			}
			if test.fake != "" {
				if err := os.WriteFile(filepath.Join(path, "go"), []byte("#!/bin/sh\n"+test.fake+"\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), filepath.Join(path, "make"), "--dry-run", "build")
			cmd.Dir, cmd.Env = root, []string{"PATH=" + path}
			out, err := cmd.CombinedOutput()
			if said := strings.TrimSpace(string(out)); err == nil || !strings.HasSuffix(said, "*** "+test.want+".  Stop.") || strings.Contains(said, "\n") {
				t.Errorf("%v: %s; want one line that ends in %s", err, said, test.want)
			}
		})
	}
}
