// Package daemonset says what the rules about the list find in the arguments of a pod that runs Spegel: whoever made it, these are
// what the nodes are configured with.
//
// It is pure: a pod's spec and a policy in, findings out. Of the project it may import pkg/rollout, which reads the arguments,
// pkg/validate, whose rules these are, and pkg/certainty.
package daemonset
