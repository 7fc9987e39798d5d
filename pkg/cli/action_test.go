package cli_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// actionStep is a step of action.yml.
type actionStep struct {
	Name, ID, If, Uses, Run string
	Env                     map[string]string
}

// actionSteps are all of them.
func actionSteps(t *testing.T) []actionStep {
	t.Helper()
	var action struct{ Runs struct{ Steps []actionStep } }
	decode(t, "action.yml", &action)
	return action.Runs.Steps
}

// released serves the files of release v1.2.3, whose program says that it is the released one.
func released(t *testing.T, change func(files map[string][]byte)) (downloads string) {
	t.Helper()
	const program = "#!/bin/sh\necho released\n"
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	err := archive.WriteHeader(&tar.Header{Name: "spegel-guard", Mode: 0o755, Size: int64(len(program))})
	if err == nil {
		_, err = archive.Write([]byte(program))
	}
	if err == nil {
		err = archive.Close()
	}
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	const name = "spegel-guard-v1.2.3-linux-amd64.tar.gz"
	files := map[string][]byte{
		name:         packed.Bytes(),
		"SHA256SUMS": fmt.Appendf(nil, "%064d  install.yaml\n%x  %s\n", 0, sha256.Sum256(packed.Bytes()), name),
	}
	if change != nil {
		change(files)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[path.Base(r.URL.Path)]
		if !ok || !strings.HasPrefix(r.URL.Path, "/v1.2.3/") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestActionDownloads runs the step of action.yml that fetches the program, against a release on loopback.
func TestActionDownloads(t *testing.T) {
	t.Parallel()
	step := actionSteps(t)[0]
	if step.ID != "release" {
		t.Fatalf("the first step is %q", step.Name)
	}
	drop := func(name string) func(map[string][]byte) {
		return func(files map[string][]byte) { delete(files, name) }
	}
	for name, c := range map[string]struct {
		ref, os, arch string
		change        func(map[string][]byte)
		code          int
		found         bool
		says          string
	}{
		"a release":                         {ref: "v1.2.3", found: true},
		"a tag without a release":           {ref: "v1.2.4", says: "release v1.2.4 has no spegel-guard-v1.2.4-linux-amd64.tar.gz, or it can't be reached: the program is built from source"},
		"a branch":                          {ref: "main", says: "main is no tag of a release: the program is built from source"},
		"a commit":                          {ref: strings.Repeat("ab", 20), says: "abab is no tag of a release: the program is built from source"},
		"no ref, as in a repository's own":  {says: "this is no tag of a release"},
		"a ref that leads elsewhere":        {ref: "v1.2.3/../x", says: "is no tag of a release"},
		"a platform without a program":      {ref: "v1.2.3", arch: "RISCV", says: "no release has a program for Linux on RISCV"},
		"a system that it does not run on":  {ref: "v1.2.3", os: "Windows", code: 1, says: "::error::spegel-guard runs on Linux and macOS, not on Windows"},
		"a release without checksums":       {ref: "v1.2.3", change: drop("SHA256SUMS"), says: "has no SHA256SUMS"},
		"a file that is not the released":   {ref: "v1.2.3", change: func(f map[string][]byte) { f["spegel-guard-v1.2.3-linux-amd64.tar.gz"][20]++ }, code: 1, says: "is not what SHA256SUMS"},
		"checksums that leave the file out": {ref: "v1.2.3", change: func(f map[string][]byte) { f["SHA256SUMS"] = []byte("0  install.yaml\n") }, code: 1, says: "is not what SHA256SUMS"},
		"checksums with nothing in them":    {ref: "v1.2.3", change: func(f map[string][]byte) { f["SHA256SUMS"] = nil }, code: 1, says: "is not what SHA256SUMS"},
		"checksums that are of another name": {ref: "v1.2.3", change: func(f map[string][]byte) {
			f["SHA256SUMS"] = bytes.ReplaceAll(f["SHA256SUMS"], []byte("amd64"), []byte("arm64"))
		}, code: 1, says: "is not what SHA256SUMS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			output, paths := filepath.Join(dir, "output"), filepath.Join(dir, "path")
			stdout, stderr, code := shell(t, dir, step.Run, "ACTION_REF="+c.ref, "RELEASES="+released(t, c.change), "RUNNER_OS="+cmp.Or(c.os, "Linux"),
				"RUNNER_ARCH="+cmp.Or(c.arch, "X64"), "GITHUB_OUTPUT="+output, "GITHUB_PATH="+paths, "RUNNER_TEMP="+dir)
			if code != c.code || !strings.Contains(stdout, c.says) {
				t.Errorf("exit code %d, want %d; want %q\n%s%s", code, c.code, c.says, stdout, stderr)
			}
			want := fmt.Sprintf("found=%t\n", c.found)
			if c.code != 0 {
				want = ""
			}
			if got, err := os.ReadFile(output); string(got) != want || err != nil && c.code == 0 {
				t.Errorf("output %q, want %q: %v", got, want, err)
			}
			folder, err := os.ReadFile(paths)
			if (err == nil) != c.found {
				t.Errorf("the path is %q: %v", folder, err)
			}
			if !c.found {
				return
			}
			if out, _, _ := shell(t, dir, `"$(cat path)/spegel-guard"`); out != "released\n" {
				t.Errorf("the program says %q", out)
			}
		})
	}
}

// What is downloaded is not built too.
func TestActionBuildsOnlyWithoutARelease(t *testing.T) {
	t.Parallel()
	steps := actionSteps(t)
	for i, s := range steps {
		if want := i == 1 || i == 2; (s.If == "steps.release.outputs.found != 'true'") != want {
			t.Errorf("step %d, %s%s, runs if %q", i, s.Name, s.Uses, s.If)
		}
	}
	if len(steps) != 4 {
		t.Errorf("%d steps", len(steps))
	}
}
