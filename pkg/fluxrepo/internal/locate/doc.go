// Package locate finds the line that a person changes, by changing it.
//
// In comes an object as it was built and a path in it; out goes the place of the text that stands there. The texts that
// it could be are found in the files that the object is built from, each is replaced in memory by a marker of its own,
// and the repository is built again: the one whose marker stands at the path is it. Patches, components, generators,
// replacements, variables, templates and anchors need no code of their own.
//
// Trials are bounded: each counts what it builds again, every Kustomization of a chain, and all places of a check share
// 8 MiB of that. What is not found until then gets the nearest key that its document has, or the place of the object or of
// what makes it, and is marked approximate.
//
// The package must never judge anything, and takes from judge only what was judged.
// Of the project it may import judge and what that does.
package locate
