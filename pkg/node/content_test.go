package node_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// content is a node's files, by name without the leading slash. A name that ends in a slash is an empty folder.
type content map[string]string

const linkMark = "\x00link "

// linkTo is what stands for a symbolic link.
func linkTo(target string) string { return linkMark + target }

// link is where a file leads, if it is a symbolic link.
func (c content) link(name string) (target string, ok bool) {
	return strings.CutPrefix(c[name], linkMark)
}

// asOf is when the files of a content are from.
var asOf = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func asOfNow() time.Time { return asOf }

// when is the time of a file: those of downloads whose name begins with aaaa are an hour older than all others.
func when(name string) time.Time {
	if strings.Contains(name, "/aaaa") {
		return asOf.Add(-time.Hour)
	}
	return asOf
}

func (c content) names() []string { return slices.Sorted(maps.Keys(c)) }

// withFolders are the names of files and, each before what is in it, of folders, as archives hold them.
func (c content) withFolders() []string {
	all := map[string]bool{}
	for name := range c {
		all[name] = true
		for i, r := range name {
			if r == '/' {
				all[name[:i+1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// beside is a file that makes of a copied folder one that is all there, as that of a node is.
const beside = "etc/containerd/cri-base.json"

// configured is the content with a configuration that names containerd's usual hosts directory, unless it has one of its own or is
// about having none: then the file beside is in it.
func (c content) configured() content {
	inside := false
	for name := range c {
		if name == beside || strings.HasSuffix(strings.TrimSuffix(name, "/"), ".toml") && !strings.HasSuffix(name, "hosts.toml") {
			return c
		}
		inside = inside || strings.HasPrefix(name, "etc/containerd/") || strings.HasPrefix(name, "var/lib/containerd/")
	}
	if !inside {
		return c
	}
	return c.with(content{"etc/containerd/config.toml": listed("/etc/containerd/certs.d")})
}

// dir writes the files below a new folder, and one beside them.
func (c content) dir(t *testing.T) string {
	t.Helper()
	c = c.configured()
	root := t.TempDir()
	for _, name := range c.names() {
		file := filepath.Join(root, filepath.FromSlash(name))
		folder := filepath.Dir(file)
		if strings.HasSuffix(name, "/") {
			folder = file
		}
		must(t, os.MkdirAll(folder, 0o700))
		if target, ok := c.link(name); ok {
			must(t, os.Symlink(target, file))
			continue
		}
		if !strings.HasSuffix(name, "/") {
			must(t, os.WriteFile(file, []byte(c[name]), 0o600))
			must(t, os.Chtimes(file, when(name), when(name)))
		}
	}
	if info, err := os.Lstat(filepath.Join(root, certs)); err == nil && info.IsDir() {
		must(t, os.WriteFile(filepath.Join(root, beside), nil, 0o600))
	}
	return root
}

func (c content) root(t *testing.T) node.Files {
	t.Helper()
	return openRoot(t, c.dir(t))
}

func openRoot(t *testing.T, dir string) node.Files {
	t.Helper()
	root, err := node.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func (c content) tar(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	c = c.configured()
	for _, name := range c.withFolders() {
		h := &tar.Header{Name: "./" + name, Mode: 0o600, Size: int64(len(c[name])), ModTime: when(name), Typeflag: tar.TypeReg}
		if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if target, ok := c.link(name); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
			must(t, w.WriteHeader(h))
			continue
		}
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, c[name])
		must(t, err)
	}
	must(t, w.Close())
	return buf.Bytes()
}

func (c content) zip(t *testing.T, folder string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	c = c.configured()
	for _, name := range c.withFolders() {
		h := &zip.FileHeader{Name: folder + "/" + name, Method: zip.Deflate, Modified: when(name)}
		text := c[name]
		if target, ok := c.link(name); ok {
			h.SetMode(os.ModeSymlink | 0o777)
			text = target
		}
		f, err := w.CreateHeader(h)
		must(t, err)
		_, err = io.WriteString(f, text)
		must(t, err)
	}
	must(t, w.Close())
	return buf.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

// bundle opens an archive.
func bundle(t *testing.T, data []byte) ([]node.Files, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bundle")
	must(t, os.WriteFile(name, data, 0o600))
	return node.OpenBundle(t.Context(), name)
}

func oneBundle(t *testing.T, data []byte) node.Files {
	t.Helper()
	files, err := bundle(t, data)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d nodes, %v; want one", len(files), err)
	}
	return files[0]
}

// programs is a folder for what the tests build.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "spegel-guard-node-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(programs)
	os.Exit(code)
}

// builtTalosctl builds test/talosctl once: to read a node takes dozens of runs of it, and it starts at once.
var builtTalosctl = sync.OnceValues(func() (string, error) {
	program := filepath.Join(programs, "talosctl")
	out, err := exec.Command("go", "build", "-trimpath", "-o", program, "../../test/talosctl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build talosctl: %w: %s", err, out)
	}
	return program, nil
})

// talos answers for the content through a program that prints as talosctl does.
func (c content) talos(t *testing.T) node.Files {
	t.Helper()
	standIn, err := builtTalosctl()
	must(t, err)
	program := filepath.Join(t.TempDir(), "talosctl")
	must(t, os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\nROOT='%s' exec '%s' \"$@\"\n", c.dir(t), standIn), 0o700))
	files, err := node.NewTalos(program, "node-1")
	must(t, err)
	return files
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func registries(t testing.TB, names ...string) []validate.Registry {
	t.Helper()
	var out []validate.Registry
	for _, name := range names {
		r, err := validate.ParseRegistry(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// options are what is examined, and how.
type options struct {
	node.Options
	Files node.Files
}

// examine runs all checks and returns the results by check.
func examine(t *testing.T, o options) map[string]node.Result {
	t.Helper()
	nodes, err := node.Examine(t.Context(), []node.Files{o.Files}, o.Options)
	must(t, err)
	out := map[string]node.Result{}
	for _, r := range nodes[0] {
		out[r.Check] = r
	}
	return out
}

// want compares a status and looks for pieces of the evidence and the fix.
func want(t *testing.T, r node.Result, status node.Status, pieces ...string) {
	t.Helper()
	text := strings.Join(r.Evidence, "\n") + "\n" + r.Fix
	if r.Status != status {
		t.Errorf("%s is %s; want %s\n%s", r.Check, r.Status, status, text)
	}
	for _, p := range pieces {
		if !strings.Contains(text, p) {
			t.Errorf("%s does not say %q:\n%s", r.Check, p, text)
		}
	}
}
