// Package node examines one node of a cluster and says why an image does not pull there: what lies in
// containerd's hosts directory, whom containerd would ask for an image, what is left of broken downloads,
// and whether a private registry can be reached with the credentials at hand.
//
// Here are the checks. A node's files come through internal/nodefs, how they configure containerd and whom it then
// asks through internal/containerd, what a hosts file says through internal/hostsfile, what differs from distribution to distribution
// through internal/distribution, which credentials the kubelet takes through internal/keyring, and foreign text is shown through
// internal/redact.
//
// It must never print a credential: of Secrets, hosts files and logs only names, hosts and counts are
// shown. Of the project it may import pkg/validate, pkg/rollout and pkg/pages, and none of the doors.
//
// What Spegel writes into a hosts directory was read at v0.0.14 to v0.7.4.
package node
