// Package fluxrepo checks a Flux repository on disk: it builds what Flux would build, finds the releases
// of Spegel's in it, and says in which file and line a finding is.
//
// It reads files and nothing else: no cluster, no network, and nothing is written. Kustomizations are
// built with github.com/fluxcd/pkg/kustomize and kustomize's own API over a file system in memory. What
// it can't know it reports as unresolved, with the reason. Of the project it may import pkg/release,
// pkg/policy and pkg/validate.
package fluxrepo
