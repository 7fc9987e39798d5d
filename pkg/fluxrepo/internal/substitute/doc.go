// Package substitute puts variables into what Flux builds.
//
// In come the variables of a Flux Kustomization, as ConfigMaps, Secrets and its own text give them, and what the
// user hands over for those that the repository does not hold in the clear; out go texts. A variable is set, unset
// (all that could set it was read, and nothing does: it is empty), or unknown, and then a placeholder stands for it
// that can be told in whatever is made of it, with the reason. What SOPS has encrypted is unknown too. The package
// must never decrypt anything, and never looks for an object itself. Of the project it may import yamldoc and
// pkg/release.
package substitute
