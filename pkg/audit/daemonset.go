package audit

import (
	"context"
	"fmt"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// DaemonSet is what runs of a release. Its JSON form is part of the report's.
type DaemonSet struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Mirrors is the list that the current template carries, fit to be shown; empty means every registry. It is nil where
	// the release takes values from a Secret, which the list could come from, or the template names one.
	Mirrors []string `json:"mirrors"`
	// Everything reports whether every registry is mirrored.
	Everything bool `json:"everything"`
	// Writes reports whether the list is written on the nodes; else it only says what Spegel serves.
	Writes bool `json:"writesHosts"`
	// Nodes is the number of nodes that should run a pod, Updated of those that run one of the current template,
	// and Current reports whether all do.
	Nodes   int  `json:"nodes"`
	Updated int  `json:"updated"`
	Current bool `json:"current"`
}

// addDaemonSet adds a DaemonSet to its release, with what is wrong with it.
func (o *Options) addDaemonSet(ctx context.Context, rel *Release, d *rollout.DaemonSet, hidden bool) error {
	pods, err := d.Pods(ctx, o.Reader)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out := DaemonSet{
		Namespace: d.Namespace, Name: d.Name, Everything: d.Everything(), Writes: d.Writes,
		Nodes: d.Desired, Updated: d.Updated, Current: d.Current(),
	}
	if !hidden && !d.Unread {
		out.Mirrors = shown(d.Mirrors)
	}
	add := func(p *Problem) {
		if p != nil {
			rel.Problems = append(rel.Problems, *p)
		}
	}
	add(otherMirrors(rel, d, hidden))
	add(o.privatePulls(rel, d, hidden))
	if err == nil {
		add(oldPods(d, pods))
		add(notConfigured(d, pods))
		add(unknownPods(d, pods))
		out.Current = out.Current && count(pods, isOld) == 0
	} else {
		add(oldNodes(d))
		rel.Problems = append(rel.Problems, Problem{
			NotSeen, fmt.Sprintf("which pod of DaemonSet %s each node has is not known, because pods or their revisions %s", d, reason(err)), "to see the nodes, grant list on pods and on controllerrevisions.apps",
		})
	}
	rel.DaemonSets = append(rel.DaemonSets, out)
	return nil
}

func isOld(p *rollout.Pod) bool { return p.Old }

func count(pods []rollout.Pod, what func(*rollout.Pod) bool) int {
	n := 0
	for i := range pods {
		if what(&pods[i]) {
			n++
		}
	}
	return n
}
