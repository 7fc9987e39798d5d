package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/pages"
)

// What Flux's helm-controller and Helm write on every object of a release.
const (
	fluxName      = "helm.toolkit.fluxcd.io/name"
	fluxNamespace = "helm.toolkit.fluxcd.io/namespace"
	helmName      = "meta.helm.sh/release-name"
	helmNamespace = "meta.helm.sh/release-namespace"
)

// DaemonSet is one that runs Spegel.
type DaemonSet struct {
	Namespace, Name string
	UID             types.UID
	// HelmRelease is the Flux object that made it, Release the Helm release that it belongs to. Each is the
	// zero value where no label or annotation says so.
	HelmRelease, Release types.NamespacedName
	// Sources are what the containers of the current template say, Configuration the last of them.
	Sources []Source
	Configuration
	// OnDelete reports whether a pod gets a new template only when somebody deletes it.
	OnDelete bool
	// Observed reports whether the DaemonSet controller has seen the current template. While it has not, the
	// numbers are those of an older one.
	Observed bool
	// Desired is the number of nodes that should run a pod, Updated the number of those that have one of the
	// current template, and Ready of those that have one that is ready, of whatever template.
	Desired, Updated, Ready int

	selector labels.Selector
}

// Current reports whether every node that should has a pod of the current template, as the DaemonSet
// controller counts.
func (d *DaemonSet) Current() bool { return d.Observed && d.Updated >= d.Desired }

// String is namespace/name.
func (d *DaemonSet) String() string { return d.Namespace + "/" + d.Name }

// Selector selects the DaemonSet's pods, as kubectl's --selector takes it.
func (d *DaemonSet) Selector() string { return d.selector.String() }

// List finds the DaemonSets that run Spegel in a namespace, or in all for "", sorted by namespace and name.
// They are told by what their containers run, because the chart's values may change every name and label.
// The error wraps one of the Kubernetes API. It needs the verb list on daemonsets.
func List(ctx context.Context, r client.Reader, namespace string) ([]DaemonSet, error) {
	var found []DaemonSet
	err := pages.Each(ctx, r, []client.ListOption{client.InNamespace(namespace)}, func(page *appsv1.DaemonSetList) error {
		for i := range page.Items {
			d, ok, err := newDaemonSet(&page.Items[i])
			if err != nil {
				return err
			}
			if ok {
				found = append(found, d)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list DaemonSets: %w", err)
	}
	slices.SortFunc(found, func(a, b DaemonSet) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return found, nil
}

// Owners are the Flux object that made a DaemonSet and the Helm release that it belongs to, as its labels and annotations say.
func Owners(ds *appsv1.DaemonSet) (helmRelease, release types.NamespacedName) {
	return types.NamespacedName{Namespace: ds.Labels[fluxNamespace], Name: ds.Labels[fluxName]},
		types.NamespacedName{Namespace: ds.Annotations[helmNamespace], Name: ds.Annotations[helmName]}
}

func newDaemonSet(ds *appsv1.DaemonSet) (d DaemonSet, ok bool, err error) {
	sources := Sources(&ds.Spec.Template.Spec, nil)
	if len(sources) == 0 {
		return d, false, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
	if err != nil {
		return d, false, fmt.Errorf("DaemonSet %s/%s: %w", ds.Namespace, ds.Name, err)
	}
	flux, helm := Owners(ds)
	return DaemonSet{
		Namespace: ds.Namespace, Name: ds.Name, UID: ds.UID,
		HelmRelease: flux, Release: helm,
		Sources: sources, Configuration: sources[len(sources)-1].Configuration,
		OnDelete: ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
		Observed: ds.Status.ObservedGeneration >= ds.Generation,
		Desired:  int(ds.Status.DesiredNumberScheduled),
		Updated:  int(ds.Status.UpdatedNumberScheduled),
		Ready:    int(ds.Status.NumberReady),
		selector: selector,
	}, true, nil
}
