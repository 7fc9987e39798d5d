// Package worktree is the files of a repository as the artifact of Flux has them.
//
// In comes a folder, a few files or a stream; out go a Tree of files and folders, what the bytes of each file could
// be about (the prefilter), and their bytes and documents on demand.
// Every read is bounded, never waits for what is no regular file, and never follows a symbolic link. The package
// must never write. It knows the names and words by which Flux and kustomize tell files apart, and nothing of what they build
// of them. Of the project it may import yamldoc.
package worktree
