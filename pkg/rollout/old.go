package rollout

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

// maxNames is how many pods are selected by name; more are by label.
const maxNames = 5

// SelectOld is how kubectl selects, of these pods of the DaemonSet, those of an older template and no others: their names, or a
// selector in quotes. It is empty if there are none.
func (d *DaemonSet) SelectOld(pods []Pod) string {
	var names, revisions []string
	for i := range pods {
		if p := &pods[i]; p.Old {
			names = append(names, p.Name)
			revisions = append(revisions, p.Revision)
		}
	}
	if len(names) <= maxNames || slices.Contains(revisions, "") {
		return strings.Join(names, " ")
	}
	slices.Sort(revisions)
	return "-l '" + d.Selector() + "," + appsv1.ControllerRevisionHashLabelKey + " in (" + strings.Join(slices.Compact(revisions), ",") + ")'"
}
