// Package resolver asks containerd's own resolver whom containerd on one node asks for images of a registry, and connects as the node
// does: by its /etc/hosts, and with the certificates that it trusts. The resolver reads files of this machine, so it is given a copy of
// the registry's hosts.toml that leads to no others and holds nothing that may be a secret; what the node has beside it is read here.
//
// It knows nothing of clusters and of Spegel, and judges nothing: pkg/node does. It reads files through nodefs alone. Of the project
// it may import containerd, nodefs and redact.
package resolver
