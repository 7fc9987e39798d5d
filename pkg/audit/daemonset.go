package audit

import (
	"context"
	"fmt"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// DaemonSet is what runs of a release.
type DaemonSet struct {
	Namespace, Name string
	// Mirrors is the list that the current template carries, fit to be shown; empty means every registry. Nil
	// and Hidden where the release takes values from a Secret, which the list could come from, or the template names one.
	Mirrors []string
	Hidden  bool
	// Everything reports whether every registry is mirrored. Writes reports whether the list is written on the
	// nodes; else it only says what Spegel serves.
	Everything, Writes bool
	// Nodes is the number of nodes that should run a pod, Updated of those that run one of the current template.
	Nodes, Updated int
	// Current reports whether all do.
	Current bool
}

// addDaemonSet adds a DaemonSet to its release, with what is wrong with it.
func (o *Options) addDaemonSet(ctx context.Context, rel *Release, d *rollout.DaemonSet, hidden bool) error {
	pods, err := d.Pods(ctx, o.Reader)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out := DaemonSet{
		Namespace: d.Namespace, Name: d.Name, Hidden: hidden || d.Unread, Everything: d.Everything(), Writes: d.Writes,
		Nodes: d.Desired, Updated: d.Updated, Current: d.Current(),
	}
	if !out.Hidden {
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
			NotSeen, fmt.Sprintf("which nodes have which pod of DaemonSet %s is not known, as pods or their revisions %s", d, reason(err)), "to see the nodes, grant the verb list on pods, and on controllerrevisions of apps",
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
