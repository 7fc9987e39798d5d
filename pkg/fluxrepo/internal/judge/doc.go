// Package judge runs the rules over what a repository builds.
//
// In comes a graph that is finished; out go the HelmReleases of Spegel, and the DaemonSets that run it, with what the
// rules find and what is not known of them. A variable without a value makes unknown what it stands in, and does no harm
// in a field that nobody reads. The package must never build anything nor say where it stands. Of the project it may
// import fluxgraph, pkg/release and pkg/daemonset, and what these do.
package judge
