// Package audit judges the HelmReleases of a live cluster: each of Spegel through the decision that the
// webhook makes, and beside it what only a cluster knows, which is what runs of the release.
//
// It only reads: HelmReleases and DaemonSets in pages, everything else by name. It never shows anything
// out of a Secret but the private host that a rule matched. Of the project it may import pkg/validate,
// pkg/policy, pkg/release, pkg/daemonset, pkg/rollout and pkg/pages.
package audit
