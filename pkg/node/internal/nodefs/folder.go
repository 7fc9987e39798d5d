package nodefs

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Root reads a node's files below a folder of this machine: / on the node itself, or where a pod has
// the node's folders mounted.
type Root struct {
	tree
	root *os.Root
}

// OpenRoot opens the folder. Close ends it.
func OpenRoot(dir string) (*Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("node root: %w", err)
	}
	inside, err := root.Stat(".")
	var around fs.FileInfo
	if err == nil {
		around, err = os.Stat(dir + "/..")
	}
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("node root: %w", err)
	}
	r := &Root{tree{fsys: root.FS(), now: time.Now}, root}
	// A folder is all there if it was mounted, or lies in what was: then it is on another file system than what is around the root.
	// One that was copied is taken to be all there, except for folders in folders that it lacks, and if it looks like the way to a
	// mount: it has folders and no file.
	r.lacks = func(name string, last bool) bool {
		info, err := fs.Stat(r.fsys, below(name))
		if err != nil || !info.IsDir() || os.SameFile(inside, around) || device(info) != device(around) {
			return err == nil
		}
		entries, err := fs.ReadDir(r.fsys, below(name))
		return last && (err != nil || slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
			file, err := e.Info()
			return err == nil && !file.IsDir() && device(file) == device(info)
		}))
	}
	host, _ := os.Hostname()
	r.node = validate.Clean(cmp.Or(r.hostname(), host, "node"))
	return r, nil
}

// Close closes the folder.
func (r *Root) Close() error { return r.root.Close() }

// hostname is what the node calls itself; empty where its files don't say.
func (t *tree) hostname() string {
	name, _ := t.ReadFile(context.Background(), "/etc/hostname", 1<<10)
	return strings.TrimSpace(string(name))
}

// device is the file system that a file is on.
func device(info fs.FileInfo) any {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Dev
	}
	return nil
}
