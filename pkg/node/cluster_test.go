package node_test

import (
	"fmt"
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

func cluster(objects ...client.Object) *node.Cluster {
	secretType := func(o client.Object) []string { return []string{string(o.(*corev1.Secret).Type)} }
	return &node.Cluster{
		Reader:    fake.NewClientBuilder().WithIndex(&corev1.Secret{}, "type", secretType).WithObjects(objects...).Build(),
		Namespace: "apps",
	}
}

// spegelSet is a DaemonSet with one pod for each node of the revisions given, "new" being the current one.
func spegelSet(list []string, revisions map[string]string) []client.Object {
	labels := map[string]string{"app.kubernetes.io/name": "spegel"}
	args := append([]string{"configuration", "--containerd-registry-config-path=/etc/containerd/certs.d", "--mirror-targets", "http://$(NODE_IP):30020", "--mirrored-registries"}, list...)
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{InitContainers: []corev1.Container{{Name: "configuration", Args: args}}},
	}
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "spegel", UID: types.UID("uid"), Generation: 1},
		Spec:       appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
		Status:     appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: int32(len(revisions))},
	}
	out := []client.Object{ds}
	owned := func(name, hash string) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Namespace: "kube-system", Name: name, Labels: map[string]string{"app.kubernetes.io/name": "spegel", "controller-revision-hash": hash},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ds, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))},
		}
	}
	out = append(out,
		&appsv1.ControllerRevision{ObjectMeta: owned("old", "old"), Revision: 1},
		&appsv1.ControllerRevision{ObjectMeta: owned("new", "new"), Revision: 2})
	for name, hash := range revisions {
		if hash == "new" {
			ds.Status.UpdatedNumberScheduled++
		}
		pod := &corev1.Pod{ObjectMeta: owned("spegel-"+name, hash), Spec: template.Spec}
		pod.Spec.NodeName = name
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}}
		out = append(out, pod)
	}
	return out
}

// counted is a DaemonSet whose controller counts all pods as new.
func counted(objects []client.Object) []client.Object {
	status := &objects[0].(*appsv1.DaemonSet).Status
	status.UpdatedNumberScheduled = status.DesiredNumberScheduled
	return objects
}

func TestRollout(t *testing.T) {
	t.Parallel()
	restart := "kubectl -n kube-system rollout restart ds/spegel"
	for name, test := range map[string]struct {
		objects []client.Object
		status  node.Status
		says    []string
	}{
		"no Spegel":     {nil, node.Warn, []string{"no DaemonSet that runs Spegel", "each node may still have hosts files that point at it"}},
		"all are new":   {spegelSet(nil, map[string]string{"node-1": "new", "node-2": "new"}), node.Pass, []string{"2 of 2 nodes"}},
		"one is old":    {spegelSet(nil, map[string]string{"node-1": "new", "node-2": "old"}), node.Fail, []string{"1 of 2 nodes", "an old pod runs on node-2", restart}},
		"all are older": {spegelSet(nil, map[string]string{"node-1": "old"}), node.Fail, []string{"an old pod runs on node-1", restart}},
		"one that no revision knows": {
			counted(spegelSet(nil, map[string]string{"node-1": "new", "node-2": "newer"})), node.Warn, []string{"no ControllerRevision of the DaemonSet has the hash of the pod on node-2", "run doctor again"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, examine(t, options{Cluster: cluster(test.objects...)})["rollout"], test.status, test.says...)
		})
	}
	stuck := spegelSet(nil, map[string]string{"node-1": "new"})
	stuck[3].(*corev1.Pod).Status.Conditions = nil
	want(t, examine(t, options{Cluster: cluster(stuck...)})["rollout"], node.Fail,
		"has not ended well on node-1", "kubectl -n kube-system logs ds/spegel -c configuration")

	changed := spegelSet(nil, map[string]string{"node-1": "old"})
	changed[0].SetGeneration(2)
	want(t, examine(t, options{Cluster: cluster(changed...)})["rollout"], node.Warn,
		"its controller has not come to the current template yet", "kubectl -n kube-system rollout status ds/spegel")

	writesNothing := spegelSet(nil, map[string]string{"node-1": "new"})
	pod := writesNothing[3].(*corev1.Pod)
	pod.Status.Conditions = nil
	registry := corev1.PodSpec{Containers: []corev1.Container{{Name: "registry", Args: []string{"registry", "--router-addr=:5001"}}}}
	writesNothing[0].(*appsv1.DaemonSet).Spec.Template.Spec, pod.Spec = registry, registry
	want(t, examine(t, options{Cluster: cluster(writesNothing...)})["rollout"], node.Pass)
}

// With OnDelete a restart of the DaemonSet replaces nothing, and makes every pod an old one.
func TestOnDelete(t *testing.T) {
	t.Parallel()
	objects := spegelSet(nil, map[string]string{"node-1": "new", "node-2": "old", "node-3": "old"})
	objects[0].(*appsv1.DaemonSet).Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	c := content{"etc/hostname": "node-1\n", certs + "_default/hosts.toml": spegelHosts("")}
	results := examine(t, options{Files: c.root(t), Cluster: cluster(objects...)})
	want(t, results["rollout"], node.Fail, "so delete the old pods: kubectl -n kube-system delete pod spegel-node-2 spegel-node-3")
	want(t, results["mirror-config"], node.Fail, "so delete the old pods: kubectl -n kube-system delete pod spegel-node-1")
	for _, r := range results {
		if contains(printed(r), "rollout restart") {
			t.Errorf("%s advises a restart:\n%s", r.Check, printed(r))
		}
	}
	many := map[string]string{"node-1": "new"}
	for i := range 9 {
		many[fmt.Sprintf("old-%d", i)] = "old"
	}
	objects = spegelSet(nil, many)
	objects[0].(*appsv1.DaemonSet).Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	want(t, examine(t, options{Cluster: cluster(objects...)})["rollout"], node.Fail,
		"kubectl -n kube-system delete pod -l 'app.kubernetes.io/name=spegel,controller-revision-hash in (old)'")
}

// The folders of a node are compared with what its own pod was told.
func TestFoldersAndList(t *testing.T) {
	t.Parallel()
	c := content{
		"etc/hostname":                 "node-1\n",
		certs + "ghcr.io/hosts.toml":   spegelHosts("https://ghcr.io"),
		certs + "quay.io/hosts.toml":   spegelHosts("https://quay.io"),
		certs + "_backup/x/hosts.toml": "",
	}
	same := examine(t, options{Files: c.with(content{"etc/containerd/config.toml": "version = 2\n"}).root(t), Cluster: cluster(spegelSet([]string{"https://ghcr.io", "https://quay.io"}, map[string]string{"node-1": "new"})...)})
	want(t, same["mirror-config"], node.Pass, "(as Spegel is told)", "the folders are those of Spegel's list")
	other := examine(t, options{Files: c.root(t), Cluster: cluster(spegelSet([]string{"https://ghcr.io", "https://docker.io"}, map[string]string{"node-1": "new"})...)})
	want(t, other["mirror-config"], node.Warn, "without a folder: docker.io", "not on the list of DaemonSet kube-system/spegel: quay.io", "rollout restart ds/spegel")
	want(t, examine(t, options{Files: c.root(t)})["mirror-config"], node.Pass, "not compared with Spegel's list: no cluster to ask")
}

// twoSets are a DaemonSet for each kind of node. The second one is told to write to another hosts directory.
func twoSets(list []string, first, second map[string]string, hostsDir string) []client.Object {
	objects := spegelSet(list, first)
	for _, o := range spegelSet(list, second) {
		const flag = "--containerd-registry-config-path="
		switch o := o.(type) {
		case *appsv1.DaemonSet:
			o.Spec.Template.Spec.InitContainers[0].Args[1] = flag + hostsDir
		case *corev1.Pod:
			o.Spec.InitContainers[0].Args[1] = flag + hostsDir
		}
		o.SetNamespace("other")
		o.SetUID("other")
		for i := range o.GetOwnerReferences() {
			refs := o.GetOwnerReferences()
			refs[i].UID = "other"
			o.SetOwnerReferences(refs)
		}
		objects = append(objects, o)
	}
	return objects
}

// An old pod of any of several DaemonSets is told.
func TestRolloutOfSeveral(t *testing.T) {
	t.Parallel()
	objects := twoSets(nil, map[string]string{"node-1": "new"}, map[string]string{"node-2": "old"}, "/etc/containerd/certs.d")
	want(t, examine(t, options{Files: content{"etc/hostname": "node-1\n"}.root(t), Cluster: cluster(objects...)})["rollout"], node.Fail,
		"DaemonSet kube-system/spegel: 1 of 1", "an old pod runs on node-2", "kubectl -n other rollout restart ds/spegel")
}

// Of several DaemonSets the one with a pod on the node writes its hosts directory; without any, nobody is known to.
func TestHostsDirectoryOfSeveral(t *testing.T) {
	t.Parallel()
	const config = "etc/containerd/config.toml"
	one := content{config: "version = 2\n", certs + "ghcr.io/hosts.toml": spegelHosts("https://ghcr.io"), "opt/": ""}
	sick := content{config: "version = 2\n", certs + "ghcr.io/hosts.toml": spegelHosts("https://ghcr.io"), "opt/hosts/_default/hosts.toml": spegelHosts("")}
	for name, test := range map[string]struct {
		content            content
		node, second       string
		mirror, resolution node.Status
		says               string
	}{
		"a node of the first":  {one, "node-1", "/opt/hosts", node.Pass, node.Pass, "the hosts directory is /etc/containerd/certs.d (as Spegel is told)"},
		"a node of the second": {sick, "node-2", "/opt/hosts", node.Fail, node.Fail, "kubectl -n other rollout restart ds/spegel"},
		"a node of none":       {one.with(content{config: listed("/etc/containerd/certs.d")}), "node-3", "/opt/hosts", node.Pass, node.Pass, "not compared with Spegel's list: several DaemonSets"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := twoSets([]string{"https://ghcr.io"}, map[string]string{"node-1": "new"}, map[string]string{"node-2": "new"}, test.second)
			c := content{"etc/hostname": test.node + "\n"}
			maps.Copy(c, test.content)
			results := examine(t, options{
				Files: c.root(t), Cluster: cluster(objects...), Registries: registries(t, private), Image: private + "/a:1", Dial: nowhere, Lookup: unknown,
			})
			want(t, results["mirror-config"], test.mirror, test.says)
			want(t, results["resolution"], test.resolution)
		})
	}
}
