// Package containerd reads what containerd on one node is configured to do: where its configuration is, which files it imports, which
// hosts directories it looks at, and which folder of them decides. It asks containerd's own resolver whom containerd then asks for
// images of a registry, and connects as the node does: by its /etc/hosts, and with the certificates that it trusts.
//
// It knows nothing of clusters and next to nothing of Spegel, and judges nothing: pkg/node does. It reads files through nodefs alone. Of
// the project it may import distribution, hostsfile, nodefs, redact and pkg/validate.
package containerd
