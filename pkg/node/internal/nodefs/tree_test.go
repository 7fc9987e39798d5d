package nodefs

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// node is what is below a folder, and in an archive of that folder.
func node(t *testing.T) map[string]Files {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"etc/hostname": "node-1\n", "etc/containerd/config.toml": "version = 3\n", "opt/bin/tool": "x", "var/log/syslog": "kernel: up\n"} {
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for name, target := range map[string]string{"etc/absolute": "/etc/hostname", "etc/above": "../../../../etc/hostname", "etc/loop": "loop", "etc/away": "/srv/x"} {
		must(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	root, err := OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })

	file, err := os.Create(filepath.Join(t.TempDir(), "node.tar"))
	must(t, err)
	w := tar.NewWriter(file)
	must(t, w.AddFS(os.DirFS(dir)))
	must(t, syscall.Mkfifo(filepath.Join(dir, "etc/pipe"), 0o600))
	must(t, w.WriteHeader(&tar.Header{Name: "etc/pipe", Typeflag: tar.TypeFifo}))
	must(t, w.Close())
	must(t, file.Close())
	nodes, err := OpenBundle(t.Context(), file.Name())
	must(t, err)
	if len(nodes) != 1 {
		t.Fatalf("%d nodes", len(nodes))
	}
	return map[string]Files{"folder": root, "archive": nodes[0]}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A folder and an archive answer alike.
func TestTree(t *testing.T) {
	t.Parallel()
	for how, files := range node(t) {
		for name, want := range map[string]error{
			"/etc/hostname": nil, "/etc/absolute": nil, "/etc/above": nil, "/etc/../etc/./hostname": nil,
			"/etc/gone": fs.ErrNotExist, "/etc/hostname/x": fs.ErrNotExist, "/etc/pipe/x": fs.ErrNotExist,
			"/srv/x": ErrNotGiven, "/etc/away": ErrNotGiven, "/etc/loop": ErrLoop, "/etc/pipe": ErrNotRegular, "/etc": ErrNotRegular,
		} {
			data, err := files.ReadFile(t.Context(), name, 100)
			if !errors.Is(err, want) || errors.Is(err, ErrNotGiven) != errors.Is(want, ErrNotGiven) || err == nil && string(data) != "node-1\n" {
				t.Errorf("%s: %s is %q, %v; want %v", how, name, data, err, want)
			}
		}
		for name, want := range map[string]error{"/opt/bin": nil, "/etc/hostname": ErrNotFolder, "/etc/pipe": ErrNotFolder, "/etc/gone": fs.ErrNotExist} {
			if _, err := files.ReadDir(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: folder %s: %v; want %v", how, name, err, want)
			}
		}
		if _, err := files.ReadFile(t.Context(), "/etc/hostname", 3); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: over the limit: %v", how, err)
		}
		if _, err := files.Log(t.Context(), 100); !errors.Is(err, ErrJournal) {
			t.Errorf("%s: a log without a line of containerd: %v", how, err)
		}
		if files.Node() != "node-1" || files.Remote() != (how == "archive") {
			t.Errorf("%s: node %s, remote %t", how, files.Node(), files.Remote())
		}
	}
}

// What nobody asks for is not kept.
func TestArchiveKeepsWhatIsLookedAt(t *testing.T) {
	t.Parallel()
	files := node(t)["archive"]
	entries, err := files.ReadDir(t.Context(), "/opt/bin")
	if err != nil || len(entries) != 1 || entries[0].Name != "tool" {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := files.ReadFile(t.Context(), "/opt/bin/tool", 100); !errors.Is(err, ErrNotGiven) || !strings.HasPrefix(Reason(err), "is not part") {
		t.Error(err)
	}
}
