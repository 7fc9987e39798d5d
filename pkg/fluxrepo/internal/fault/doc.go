// Package fault lists what could not be done in a repository.
//
// In comes what its clusters build, finished; out goes each thing that could not be read, built or followed, with its
// place, and whether a release of Spegel could come from there: only then does it count. The package must never read,
// build or change anything. Of the project it may import fluxgraph and what that does.
package fault
