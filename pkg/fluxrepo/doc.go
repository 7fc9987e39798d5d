// Package fluxrepo checks a Flux repository on disk: it builds what Flux would build, finds the releases of Spegel
// in it, and says in which file and line a finding is.
//
// Data flows one way, and check.go has all of it on one page: read everything (internal/selection, internal/worktree),
// declare, relate and build (internal/overlay, internal/substitute, internal/fluxgraph), judge (internal/judge), locate
// (internal/locate), report. It reads files and nothing else: no cluster, no network, and nothing is written. What it
// can't know it reports as unresolved, with the reason. Of the project it may import pkg/release, pkg/policy and
// pkg/validate.
package fluxrepo
