package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxNamed is how many nodes, mirrors or releases a message names.
const maxNamed = 5

// oldPods finds pods that were made from an older template than the DaemonSet has now.
func oldPods(d *rollout.DaemonSet, pods []rollout.Pod) *Problem {
	old := count(pods, isOld)
	if !d.Observed || old == 0 {
		return oldNodes(d)
	}
	other := count(pods, func(p *rollout.Pod) bool { return p.Old && !sameList(p.Mirrors, d.Mirrors) })
	lists := "with the same list of mirrors"
	switch {
	case other == old:
		lists = "with a different list of mirrors"
	case other > 0:
		lists = fmt.Sprintf("%d of them with a different list of mirrors", other)
	}
	message := fmt.Sprintf("DaemonSet %s: %d of %d pods run an older template, %s, on %s", d, old, len(pods), lists, nodes(pods, isOld))
	p := waitForRollout(d, message)
	if d.OnDelete {
		p.Fix = fmt.Sprintf("the update strategy is OnDelete, so delete the old pods: kubectl -n %s delete pod %s", d.Namespace, d.SelectOld(pods))
	}
	return p
}

// oldNodes tells by the DaemonSet's own numbers.
func oldNodes(d *rollout.DaemonSet) *Problem {
	switch {
	case !d.Observed:
		return waitForRollout(d, fmt.Sprintf("DaemonSet %s: the current template has not reached any pod yet", d))
	case d.Updated < d.Desired:
		return waitForRollout(d, fmt.Sprintf("DaemonSet %s: %d of %d nodes have no pod of the current template", d, d.Desired-d.Updated, d.Desired))
	}
	return nil
}

func waitForRollout(d *rollout.DaemonSet, message string) *Problem {
	fix := fmt.Sprintf("wait for it: kubectl -n %s rollout status ds/%s; if it does not finish, look at the pods that are not ready", d.Namespace, d.Name)
	if d.OnDelete {
		fix = fmt.Sprintf("the update strategy is OnDelete, so delete the pods that don't have the newest hash: kubectl -n %s get pods -l '%s' -L controller-revision-hash; "+
			"the newest is the last of kubectl -n %[1]s get controllerrevisions -l '%[2]s' -L controller-revision-hash --sort-by=.revision", d.Namespace, d.Selector())
	}
	return &Problem{OldPods, message, fix}
}

// notConfigured finds pods whose init container has not written the node's hosts directory.
func notConfigured(d *rollout.DaemonSet, pods []rollout.Pod) *Problem {
	waiting := func(p *rollout.Pod) bool { return p.Current && p.Writes && !p.Configured }
	n := count(pods, waiting)
	if n == 0 {
		return nil
	}
	return &Problem{
		NotConfigured,
		fmt.Sprintf("DaemonSet %s: the init container of %d of %d pods has not completed, on %s", d, n, len(pods), nodes(pods, waiting)),
		fmt.Sprintf("read its log: kubectl -n %s logs ds/%s -c configuration", d.Namespace, d.Name),
	}
}

// unknownPods finds pods whose revisions don't show whether they are old.
func unknownPods(d *rollout.DaemonSet, pods []rollout.Pod) *Problem {
	unknown := func(p *rollout.Pod) bool { return !p.Current && !p.Old }
	n := count(pods, unknown)
	if n == 0 {
		return nil
	}
	return &Problem{
		NotSeen,
		fmt.Sprintf("DaemonSet %s: whether %d of %d pods are of an older template is not known, because no ControllerRevision has their hash, on %s", d, n, len(pods), nodes(pods, unknown)),
		"run the audit again; the pods may have been created while it ran",
	}
}

// sameList compares lists of mirrors, whose order does not matter.
func sameList(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// nodes names the nodes of some pods.
func nodes(pods []rollout.Pod, which func(*rollout.Pod) bool) string {
	var all []string
	for i := range pods {
		if which(&pods[i]) {
			all = append(all, cmp.Or(pods[i].Node, "no node yet"))
		}
	}
	return abridged(all, ", ")
}

// abridged joins the first few.
func abridged(all []string, sep string) string {
	if more := len(all) - maxNamed; more > 0 {
		return strings.Join(all[:maxNamed], sep) + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(all, sep)
}

// shown makes entries of a list fit to be shown, without what may be a password in them.
func shown(mirrors []string) []string {
	out := make([]string, 0, len(mirrors))
	for _, m := range mirrors {
		out = append(out, strings.Trim(validate.Quote(m), `"`))
	}
	return out
}
