// Package rollout reports what a cluster runs of Spegel: its DaemonSets, what their containers are
// told to write on a node, and which pods run the current template.
//
// It only reads, in pages, and keeps little of what it reads. It judges nothing: what follows from a list
// or from an old pod is for its callers to say. Of the project it may import pkg/pages.
package rollout
