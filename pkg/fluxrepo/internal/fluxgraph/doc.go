// Package fluxgraph is what the clusters of a repository build.
//
// In comes the tree of files; out go the Flux Kustomizations that stand in it, as declarations and as
// instances in the chains that build them, the objects that they emit with variables put in, and the releases in files that
// nothing builds. It is the only room with state, and a Graph is finished before anything is judged: New declares,
// relates and builds, in rounds, because the variables of one Kustomization may come from what another builds, until a
// round brings nothing new. Edited does the same for a repository that differs by an edit. The package must never judge
// a release. Of the project it may import relevance, resourceset and what these do.
package fluxgraph
