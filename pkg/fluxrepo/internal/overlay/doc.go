// Package overlay is one build of kustomize.
//
// In comes what a Flux Kustomization says of its build and the tree of files; out go the files that the build reads,
// what it names that is not there, and the objects that it emits, before variables are put in. Builds are kept by
// the content of their inputs. The package knows nothing of who builds what, or why. It must never fetch anything,
// run a plugin, or read outside of the tree. Of the project it may import worktree and yamldoc.
package overlay
