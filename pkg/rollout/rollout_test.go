package rollout_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

func reader(t *testing.T, objects ...client.Object) client.Reader {
	t.Helper()
	return fake.NewClientBuilder().WithObjects(objects...).Build()
}

// daemonSet is one in kube-system whose containers have these arguments.
func daemonSet(name string, init, main []string) *appsv1.DaemonSet {
	labels := map[string]string{"app.kubernetes.io/name": "spegel", "app.kubernetes.io/instance": name}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name, UID: types.UID("uid-" + name), Generation: 2},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: template(labels, init, main),
		},
		Status: appsv1.DaemonSetStatus{ObservedGeneration: 2},
	}
}

func template(labels map[string]string, init, main []string) corev1.PodTemplateSpec {
	out := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
	if init != nil {
		out.Spec.InitContainers = []corev1.Container{{Name: "configuration", Args: init}}
	}
	out.Spec.Containers = []corev1.Container{{Name: "registry", Args: main}}
	return out
}

var plain = []string{"configuration", "--mirror-targets=http://a", "--mirrored-registries", "https://docker.io"}

func TestListTellsWhoseItIs(t *testing.T) {
	t.Parallel()
	flux := daemonSet("flux", plain, nil)
	flux.Labels = map[string]string{"helm.toolkit.fluxcd.io/name": "mirror", "helm.toolkit.fluxcd.io/namespace": "apps"}
	flux.Annotations = map[string]string{"meta.helm.sh/release-name": "apps-mirror", "meta.helm.sh/release-namespace": "kube-system"}
	flux.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	flux.Status = appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: 3, UpdatedNumberScheduled: 2, NumberReady: 1}
	hand := daemonSet("by-hand", plain, nil)
	elsewhere := daemonSet("elsewhere", plain, nil)
	elsewhere.Namespace = "apps"

	want := []rollout.DaemonSet{
		{Namespace: "kube-system", Name: "by-hand", UID: "uid-by-hand", Observed: true},
		{
			Namespace: "kube-system", Name: "flux", UID: "uid-flux", HelmRelease: types.NamespacedName{Namespace: "apps", Name: "mirror"},
			Release: types.NamespacedName{Namespace: "kube-system", Name: "apps-mirror"}, OnDelete: true, Desired: 3, Updated: 2, Ready: 1,
		},
	}
	for i := range want {
		want[i].Configuration = rollout.Configuration{Mirrors: []string{"https://docker.io"}, Targets: []string{"http://a"}, Writes: true}
	}
	got, err := rollout.List(t.Context(), reader(t, flux, hand, elsewhere), "kube-system")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(rollout.DaemonSet{}), cmpopts.IgnoreFields(rollout.DaemonSet{}, "Sources")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	all, err := rollout.List(t.Context(), reader(t, flux, hand, elsewhere), "")
	if err != nil || len(all) != 3 || all[0].String() != "apps/elsewhere" {
		t.Errorf("in all namespaces: %+v, %v", all, err)
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rollout.DaemonSet
		want bool
	}{
		"every node has one":                    {rollout.DaemonSet{Observed: true, Desired: 3, Updated: 3}, true},
		"no node should have one":               {rollout.DaemonSet{Observed: true}, true},
		"a node has an old one":                 {rollout.DaemonSet{Observed: true, Desired: 3, Updated: 2}, false},
		"the numbers are of the older template": {rollout.DaemonSet{Desired: 3, Updated: 3}, false},
	} {
		if got := test.Current(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestPods(t *testing.T) {
	t.Parallel()
	ds := daemonSet("spegel", plain, nil)
	old := []string{"configuration", "--mirror-targets=http://a"}
	current := pod(ds, "spegel-b", "aaaa", plain)
	current.Spec.NodeName = "node-2"
	current.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	lagging := pod(ds, "spegel-a", "bbbb", old)
	lagging.Spec.NodeName = "node-1"
	waiting := pod(ds, "spegel-c", "aaaa", plain)
	waiting.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{
			Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"node-3"},
		}}}},
	}}}
	leaving := pod(ds, "spegel-d", "bbbb", old)
	leaving.DeletionTimestamp, leaving.Finalizers = new(metav1.Now()), []string{"example.com/wait"}
	newer := pod(ds, "spegel-e", "dddd", plain) // than the revisions that were read
	newer.Spec.NodeName = "node-4"
	foreign := pod(daemonSet("other", plain, nil), "foreign", "aaaa", old)
	foreign.Labels["app.kubernetes.io/instance"] = "spegel"

	revision := func(name, hash string, number int64, owner *appsv1.DaemonSet) *appsv1.ControllerRevision {
		return &appsv1.ControllerRevision{ObjectMeta: meta(owner, name, hash), Revision: number}
	}
	intruder := revision("other-3", "cccc", 3, daemonSet("other", plain, nil))
	intruder.Labels["app.kubernetes.io/instance"] = "spegel"
	objects := []client.Object{
		ds, current, lagging, waiting, leaving, newer, foreign, intruder,
		revision("spegel-2", "aaaa", 2, ds), revision("spegel-1", "bbbb", 1, ds),
	}
	list := rollout.Configuration{Mirrors: []string{"https://docker.io"}, Targets: []string{"http://a"}, Writes: true}
	want := []rollout.Pod{
		{Name: "spegel-a", Node: "node-1", Revision: "bbbb", Old: true, Configuration: rollout.Configuration{Targets: []string{"http://a"}, Writes: true}},
		{Name: "spegel-b", Node: "node-2", Revision: "aaaa", Current: true, Configured: true, Configuration: list},
		{Name: "spegel-c", Node: "node-3", Revision: "aaaa", Current: true, Configuration: list},
		{Name: "spegel-e", Node: "node-4", Revision: "dddd", Configuration: list},
	}
	if diff := cmp.Diff(want, pods(t, objects...)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	ds.Status.ObservedGeneration = 1 // the newest revision is of the template before
	for i := range want {
		want[i].Current, want[i].Old = false, want[i].Revision != "dddd"
	}
	if diff := cmp.Diff(want, pods(t, objects...)); diff != "" {
		t.Errorf("while the controller has not seen the template: -want +got:\n%s", diff)
	}
}

// pods lists those of DaemonSet spegel.
func pods(t *testing.T, objects ...client.Object) []rollout.Pod {
	t.Helper()
	r := reader(t, objects...)
	found, err := rollout.List(t.Context(), r, "kube-system")
	if err != nil || len(found) != 1 {
		t.Fatalf("found %+v, %v; want one DaemonSet", found, err)
	}
	got, err := found[0].Pods(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func pod(owner *appsv1.DaemonSet, name, hash string, init []string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: meta(owner, name, hash), Spec: template(nil, init, nil).Spec}
}

// meta is what the DaemonSet controller writes on what it makes.
func meta(owner *appsv1.DaemonSet, name, hash string) metav1.ObjectMeta {
	labels := map[string]string{"controller-revision-hash": hash}
	maps.Copy(labels, owner.Spec.Template.Labels)
	return metav1.ObjectMeta{
		Namespace: "kube-system", Name: name, Labels: labels,
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))},
	}
}

// What selects the old pods selects no other: a pod that is deleted is missed by its node until it is back.
func TestSelectOld(t *testing.T) {
	t.Parallel()
	old := func(n int, hash string) []rollout.Pod {
		var out []rollout.Pod
		for i := range n {
			out = append(out, rollout.Pod{Name: fmt.Sprintf("%s-%d", hash, i), Revision: hash, Old: true})
		}
		return out
	}
	current, unknown := rollout.Pod{Name: "current", Revision: "new", Current: true}, rollout.Pod{Name: "unknown"}
	found, err := rollout.List(t.Context(), reader(t, daemonSet("spegel", plain, nil)), "")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	for name, test := range map[string]struct {
		pods []rollout.Pod
		want string
	}{
		"none":                {[]rollout.Pod{current}, ""},
		"a few by name":       {append(old(2, "a"), current, unknown), "a-0 a-1"},
		"many by their label": {slices.Concat(old(4, "b"), old(4, "a"), []rollout.Pod{current}), "-l 'app.kubernetes.io/instance=spegel,app.kubernetes.io/name=spegel,controller-revision-hash in (a,b)'"},
		"many without a label, by name": {
			old(6, ""), "-0 -1 -2 -3 -4 -5",
		},
	} {
		if got := found[0].SelectOld(test.pods); got != test.want {
			t.Errorf("%s: %s; want %s", name, got, test.want)
		}
	}
}
