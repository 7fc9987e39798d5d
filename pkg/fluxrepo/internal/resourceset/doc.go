// Package resourceset renders the ResourceSets of flux-operator.
//
// In comes a ResourceSet with inline inputs; out go the objects that its templates make of them. A template sees its
// input and nothing else: the package must never give it the environment, a file or the network, and bounds what it
// does. Of the project it may import yamldoc.
package resourceset
