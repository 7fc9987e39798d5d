package report

import (
	"fmt"
	"strings"
)

// Cluster is what only a cluster knows of a release. No rule is about it, and the webhook can't see it, so
// a problem with it is a warning and never denies.
type Cluster struct {
	// DaemonSets are what runs of the release; mostly one.
	DaemonSets []DaemonSet `json:"daemonSets"`
	Problems   []Problem   `json:"problems"`
}

// DaemonSet is one that runs Spegel.
type DaemonSet struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Mirrors is the list that the current template carries, where empty means every registry. It is null where
	// it could come from a Secret.
	Mirrors []string `json:"mirrors"`
	// Everything reports whether every registry is mirrored.
	Everything bool `json:"everything"`
	// WritesHosts reports whether the list is written on the nodes; else it only says what Spegel serves.
	WritesHosts bool `json:"writesHosts"`
	// Nodes is the number of nodes that should run a pod, Updated of those that run one of the current template,
	// and Current reports whether all do.
	Nodes   int  `json:"nodes"`
	Updated int  `json:"updated"`
	Current bool `json:"current"`
}

// Problem is one thing that is wrong with what runs.
type Problem struct {
	Problem string `json:"problem"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
	// Documentation is the address of the page about such problems.
	Documentation string `json:"documentation"`
}

// String says what runs, in one line.
func (d *DaemonSet) String() string {
	mirrors := "mirrors " + strings.Join(d.Mirrors, ", ")
	switch {
	case d.Everything:
		mirrors = "mirrors every registry"
	case d.Mirrors == nil:
		mirrors = "its mirrors are not shown, as values of the release are in a Secret"
	}
	if !d.WritesHosts {
		mirrors += "; it writes no hosts files"
	}
	return fmt.Sprintf("DaemonSet %s/%s, current on %d of %s: %s", d.Namespace, d.Name, d.Updated, count(d.Nodes, "node"), mirrors)
}
