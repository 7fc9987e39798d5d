// Package fluxrepo checks a Flux repository on disk: it builds what Flux would build, finds the releases of Spegel
// in it, and says in which file and line a finding is.
//
// Data flows one way, and check.go has all of it on one page: read everything (internal/selection, internal/worktree,
// internal/yamldoc), relate what stands in files (internal/declare), find what has to be built (internal/relevance), build it
// (internal/fluxgraph, with internal/overlay, internal/substitute and internal/resourceset), judge (internal/judge), locate
// (internal/locate), report, with what could not be done (internal/fault) and without what is secret (internal/redact).
// It reads files and nothing else: no cluster, no network, and nothing is written. What it can't know it reports as
// unresolved, with the reason. Of the project it may import pkg/release and pkg/validate, and internal/judge pkg/daemonset
// and pkg/rollout too.
//
// kustomize writes to os.Stderr that fields of a repository are deprecated, and to the standard logger that variables are
// without use, and can't be told not to. Two of the fields, vars and patchesJson6902, can't be given to it as anything else
// that builds the same. A program that minds sets both aside before anything else runs, as cmd/webhook does.
package fluxrepo
