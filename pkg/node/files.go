package node

import (
	"context"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
)

// Files reads the files of one node.
type Files = nodefs.Files

// OpenRoot reads a node's files below a folder of this machine: / on the node itself, or where a pod has
// the node's folders mounted. Close ends it.
func OpenRoot(dir string) (*nodefs.Root, error) { return nodefs.OpenRoot(dir) }

// NewTalos reads a node's files through talosctl, a file name or looked up on PATH, by the address that it knows the node by.
func NewTalos(program, node string) (*nodefs.Talos, error) { return nodefs.NewTalos(program, node) }

// OpenBundle reads an archive: what "talosctl support" writes, or a tar or tar.gz of a node's files. It returns one Files for each
// node in it.
func OpenBundle(ctx context.Context, name string) ([]Files, error) {
	return nodefs.OpenBundle(ctx, name)
}
