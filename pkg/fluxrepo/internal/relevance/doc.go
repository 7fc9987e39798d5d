// Package relevance finds what has to be built, before it is built.
//
// In come the tree of files, what is declared in it, and what was built so far; out goes which Kustomizations a release
// of Spegel could come of, and which files may be left out of the builds above them. It is a search in bytes: the
// package must never build anything, and what it does not find is listed in docs/ci.md. Of the project it may import
// declare and what that does.
package relevance
