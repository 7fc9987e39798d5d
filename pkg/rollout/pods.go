package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/pages"
)

// Pod is a pod of a DaemonSet.
type Pod struct {
	Name string
	// Node is where it runs or is meant to run; empty where nothing says so.
	Node string
	// Revision is the hash of the template that it was made from; empty where no label says so. Current reports whether
	// this is the DaemonSet's current template, Old whether it is an older one. Neither is true where no revision has that hash: it may be
	// newer than what was read of the revisions.
	Revision     string
	Current, Old bool
	// Configured reports whether its init containers have ended well, so that the node has what Configuration
	// says. Ready reports whether it serves.
	Configured, Ready bool
	// Configuration is what this pod was told when it was made.
	Configuration
}

// Pods lists the pods of a DaemonSet that are not on their way out, sorted by node and name. The error wraps one of the
// Kubernetes API. It needs the verb list on pods and controllerrevisions.
func (d *DaemonSet) Pods(ctx context.Context, r client.Reader) ([]Pod, error) {
	hashes, err := d.hashes(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("list ControllerRevisions of DaemonSet %s: %w", d, err)
	}
	var pods []Pod
	err = pages.Each(ctx, r, d.mine(), func(page *corev1.PodList) error {
		for i := range page.Items {
			if p := &page.Items[i]; controlledBy(p, d.UID) && p.DeletionTimestamp == nil {
				pods = append(pods, newPod(p, hashes))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list pods of DaemonSet %s: %w", d, err)
	}
	slices.SortFunc(pods, func(a, b Pod) int { return cmp.Or(strings.Compare(a.Node, b.Node), strings.Compare(a.Name, b.Name)) })
	return pods, nil
}

// hashes are the labels that pods of each revision's template carry, and whether that is the current one: the newest, unless
// the controller has not seen the current template yet.
func (d *DaemonSet) hashes(ctx context.Context, r client.Reader) (map[string]bool, error) {
	known := map[string]bool{}
	current, newest := "", int64(-1)
	err := pages.Each(ctx, r, d.mine(), func(page *appsv1.ControllerRevisionList) error {
		for i := range page.Items {
			rev := &page.Items[i]
			hash := rev.Labels[appsv1.ControllerRevisionHashLabelKey]
			if !controlledBy(rev, d.UID) || hash == "" {
				continue
			}
			known[hash] = false
			if rev.Revision > newest {
				current, newest = hash, rev.Revision
			}
		}
		return nil
	})
	if d.Observed && current != "" {
		known[current] = true
	}
	return known, err
}

// mine selects what the controller made for the DaemonSet: all of it carries the labels of the template.
func (d *DaemonSet) mine() []client.ListOption {
	return []client.ListOption{client.InNamespace(d.Namespace), client.MatchingLabelsSelector{Selector: d.selector}}
}

func controlledBy(o metav1.Object, uid types.UID) bool {
	owner := metav1.GetControllerOf(o)
	return owner != nil && owner.UID == uid
}

func newPod(p *corev1.Pod, hashes map[string]bool) Pod {
	var configuration Configuration
	for _, s := range Sources(&p.Spec, nil) {
		configuration = s.Configuration // the last
	}
	hash := p.Labels[appsv1.ControllerRevisionHashLabelKey]
	current, known := hashes[hash]
	return Pod{
		Name: p.Name, Node: nodeOf(p), Configuration: configuration, Revision: hash, Current: current, Old: known && !current,
		Configured: isTrue(p, corev1.PodInitialized), Ready: isTrue(p, corev1.PodReady),
	}
}

func isTrue(p *corev1.Pod, condition corev1.PodConditionType) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == condition && c.Status == corev1.ConditionTrue
	})
}

// nodeOf is a pod's node. Until the scheduler has bound it, the controller's wish stands in its affinity.
func nodeOf(p *corev1.Pod) string {
	a := p.Spec.Affinity
	if p.Spec.NodeName != "" || a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return p.Spec.NodeName
	}
	for _, term := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == metav1.ObjectNameField && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}
