// Package containerd reads what containerd on one node makes of its configuration: which hosts directories it looks at, whom it
// asks for images of a registry, and which certificates it trusts. What can be asked of containerd's own code is asked of it.
//
// It knows nothing of clusters and next to nothing of Spegel, and judges nothing: pkg/node does. It reads files through nodefs alone.
package containerd
