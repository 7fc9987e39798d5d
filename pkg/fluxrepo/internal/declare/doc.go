// Package declare reads what stands in a repository's files about Flux, before anything is built.
//
// In comes the tree of files; out go the Kustomizations and sources that are declared in it, whose repository each
// source is, what each Kustomization reads, which of them stand in what others build, and which are roots. The
// package must never build anything. Of the project it may import overlay, worktree and yamldoc.
package declare
