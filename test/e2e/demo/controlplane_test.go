package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// script is .ci/control-plane in a checkout where nothing is built yet.
type script struct{ dir string }

func newScript(t *testing.T) script {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	s := script{t.TempDir()}
	for _, name := range []string{".ci", "test"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.write(t, "make", "#!/bin/sh\necho \"make $*\"\n")
	return s
}

func (s script) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// run returns the folder that the script prints, relative to the checkout, and what it says.
func (s script) run(t *testing.T, index string) (folder, said string) {
	t.Helper()
	// By its path in the checkout of the test: what it finds beside it is the test's.
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `cd "$0" && exec bash .ci/control-plane`, s.dir)
	cmd.Env = append(os.Environ(), "MAKE="+filepath.Join(s.dir, "make"), "ENVTEST_INDEX="+index, "ENVTEST_INDEX_TIME=3")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	folder, err := filepath.Rel(s.dir, strings.TrimSpace(stdout.String()))
	if err != nil {
		t.Fatal(err)
	}
	return folder, stderr.String()
}

// archive packs programs as those of controller-tools are packed.
func archive(t *testing.T, programs map[string][]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	files := tar.NewWriter(zipped)
	for name, content := range programs {
		header := &tar.Header{Name: "controller-tools/envtest/" + name, Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if err := files.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// index serves an archive, and an index that names it for a platform.
func index(t *testing.T, platform, hash string, packed []byte) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/archive", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(packed) })
	mux.HandleFunc("/index", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "releases:\n  %[1]s:\n    envtest-%[1]s-%[2]s.tar.gz:\n      hash: %[3]s\n      selfLink: %[4]s/archive\n",
			minor(t)+".0", platform, hash, server.URL)
	})
	return server.URL + "/index"
}

// minor is the minor version that the tests' own API server is of.
func minor(t *testing.T) string {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := os.ReadFile(filepath.Join(root, "test/e2e/tools/kubernetes/go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(modules), "k8s.io/kubernetes v")
	return "v" + after[:strings.LastIndex(after[:strings.IndexByte(after, '\n')], ".")]
}

func sum(content []byte) string {
	s := sha512.Sum512(content)
	return hex.EncodeToString(s[:])
}

// TestReadyMadeControlPlane plays the demo on a control plane of what setup-envtest downloads.
func TestReadyMadeControlPlane(t *testing.T) {
	programs := map[string][]byte{}
	built, err := cluster.Assets()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} { // which pack and unpack at once
		programs[name] = fmt.Appendf(nil, "#!/bin/sh\nexec '%s' \"$@\"\n", filepath.Join(built, name))
	}
	packed := archive(t, programs)
	s := newScript(t)
	url := index(t, runtime.GOOS+"-"+runtime.GOARCH, sum(packed), packed)
	folder, said := s.run(t, url)
	if !strings.HasPrefix(folder, ".cache/envtest/") || !strings.Contains(said, "Downloading") {
		t.Fatalf("folder %s\n%s", folder, said)
	}
	if again, said := s.run(t, "http://127.0.0.1:1"); again != folder || strings.Contains(said, "Downloading") {
		t.Errorf("the second time: %s\n%s", again, said)
	}
	t.Setenv("KUBEBUILDER_ASSETS", filepath.Join(s.dir, folder))
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr strings.Builder
	if status := run(ctx, cancel, nil, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), "All 6 answers were the expected ones") {
		t.Errorf("status %d\n%s%s", status, stdout.String(), stderr.String())
	}
}

// TestControlPlaneFromSource: what can't be downloaded is built, and one line says why.
func TestControlPlaneFromSource(t *testing.T) {
	t.Parallel()
	here := runtime.GOOS + "-" + runtime.GOARCH
	fake := map[string][]byte{"etcd": []byte("#!"), "kube-apiserver": []byte("#!"), "kubectl": []byte("#!")}
	whole := archive(t, fake)
	delete(fake, "kubectl")
	partial := archive(t, fake)
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hang.Close)
	for name, test := range map[string]struct{ index, why string }{
		"there is no network":                 {"http://127.0.0.1:1/index", "connection refused"},
		"the index never answers":             {hang.URL, "no answer within 3 seconds"},
		"the index has not this platform":     {index(t, "plan9-mips", sum(whole), whole), "for this platform"},
		"the archive is not what it is to be": {index(t, here, sum(partial), whole), "checksum mismatch"},
		"the archive is broken":               {index(t, here, sum(whole[:100]), whole[:100]), "EOF"},
		"the archive lacks a program":         {index(t, here, sum(partial), partial), "lacks a program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, said := newScript(t).run(t, test.index)
			lines := strings.Split(strings.TrimSpace(said), "\n")
			if folder != ".cache/bin" || lines[len(lines)-1] != "make --no-print-directory assets" ||
				!strings.Contains(lines[len(lines)-2], test.why) {
				t.Errorf("folder %s\n%s", folder, said)
			}
		})
	}
}
