package containerd

import "github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"

// Node is containerd on one node. What it reads of the node it reads once.
type Node struct {
	Files nodefs.Files // nil where no node is looked at

	config *Config
	dirs   *HostsDirs
}
