// Package node examines one node of a cluster and tells why an image does not pull there: what lies in
// containerd's hosts directory, whom containerd would ask for an image, what is left of broken downloads,
// and whether a private registry can be reached with the credentials at hand.
//
// A node's files come through one interface, Files, from a folder (OpenRoot), through talosctl (NewTalos)
// or from an archive (OpenBundle), and the checks cannot tell which. All input is hostile: names,
// sizes, symbolic links and contents are bounded and quoted, and nothing is ever written to the node.
//
// It must never print a credential: of Secrets, hosts files and logs only names, hosts and counts are
// shown. It may import pkg/validate, pkg/policy, pkg/release and pkg/rollout, and none of the doors.
//
// What Spegel writes into a hosts directory was read at v0.0.14 to v0.7.4; what containerd makes of it is asked of
// containerd's own resolver.
package node
