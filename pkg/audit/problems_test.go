package audit_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
)

// forbids answers lists of some kinds as an API server does that does not grant them.
func forbids(pick func(client.ObjectList) bool) interceptor.Funcs {
	return interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		if pick(list) {
			return apierrors.NewForbidden(schema.GroupResource{}, "", nil)
		}
		return c.List(ctx, list, opts...)
	}}
}

// What a person is told of what runs, in full. Every kind of problem has its case.
func TestProblems(t *testing.T) {
	t.Parallel()
	docker, ghcr := "https://docker.io", "https://ghcr.io"
	listed := daemonSetOf(docker, ghcr)
	current := podOf("node-1", "new", true, docker, ghcr)
	tests := map[string]struct {
		objects []string
		funcs   interceptor.Funcs
		want    []string
	}{
		"all is well": {objects: []string{releaseOf(values), listed, current}},
		"the order of the list and doubles do not matter": {
			objects: []string{releaseOf(values), daemonSetOf(ghcr, docker, ghcr), podOf("node-1", "new", true, ghcr, docker)},
		},
		"nothing runs": {
			objects: []string{releaseOf(values)},
			want:    []string{"no-daemonset: no DaemonSet of this release was found, so it does not run Spegel; see why: flux -n kube-system get helmreleases spegel"},
		},
		"nothing runs of a suspended release":                   {objects: []string{releaseOf("  suspend: true\n" + values)}},
		"nothing is to run here, but in another cluster":        {objects: []string{releaseOf("  kubeConfig: {secretRef: {name: other}}\n" + values)}},
		"values that can't be read are not compared":            {objects: []string{releaseOf("  valuesFrom: [{kind: ConfigMap, name: missing}]\n"), listed, current}},
		"a list under the dead key is not what the values mean": {objects: []string{releaseOf("  values: {spegel: {registries: [https://docker.io]}}\n"), daemonSetOf()}},
		"a suspended release was fixed, and the old list is in force": {
			objects: []string{releaseOf("  suspend: true\n" + values), daemonSetOf()},
			want: []string{
				`private-pulls-at-risk: current list of mirrors of DaemonSet kube-system/spegel: not set, so Spegel answers for every registry, the private ones included, and their pulls may fail with "not found" (empty-mirror-list); once the values are right: flux -n kube-system resume helmrelease spegel`,
				"other-mirrors-in-force: DaemonSet kube-system/spegel mirrors every registry, but the values ask for https://docker.io, https://ghcr.io; once the values are right: flux -n kube-system resume helmrelease spegel",
			},
		},
		"the cluster lags behind": {
			objects: []string{releaseOf(values), daemonSetOf(docker), podOf("node-1", "new", true, docker)},
			want:    []string{"other-mirrors-in-force: DaemonSet kube-system/spegel mirrors https://docker.io, but the values ask for https://docker.io, https://ghcr.io; see why it is not reconciled: flux -n kube-system get helmreleases spegel"},
		},
		"values that can't be read, and a private registry is in force": {
			objects: []string{releaseOf("  valuesFrom: [{kind: ConfigMap, name: missing}]\n"), daemonSetOf("https://harbor.example.com")},
			want:    []string{`private-pulls-at-risk: current list of mirrors of DaemonSet kube-system/spegel: "https://harbor.example.com" names the private registry harbor.example.com, so containerd asks Spegel first for its images, and their pulls may fail with "not found" (private-registry-mirrored); see why it is not reconciled: flux -n kube-system get helmreleases spegel`},
		},
		"pods of an older template": {
			objects: []string{releaseOf(values), listed, current, podOf("node-2", "old", true), podOf("node-3", "old", true, docker, ghcr)},
			want:    []string{"pods-of-an-older-template: DaemonSet kube-system/spegel: 2 of 3 pods run an older template, 1 of them with a different list of mirrors, on node-2, node-3; wait for it: kubectl -n kube-system rollout status ds/spegel; if it does not finish, look at the pods that are not ready"},
		},
		"pods of an older template, and nobody replaces them": {
			objects: []string{releaseOf(values), strings.Replace(listed, "spec:\n", "spec:\n  updateStrategy: {type: OnDelete}\n", 1), podOf("node-2", "old", true)},
			want:    []string{"pods-of-an-older-template: DaemonSet kube-system/spegel: 1 of 1 pods run an older template, with a different list of mirrors, on node-2; the update strategy is OnDelete, so delete the old pods: kubectl -n kube-system delete pod spegel-node-2"},
		},
		"a pod that no revision knows": {
			objects: []string{releaseOf(values), listed, current, podOf("node-2", "newer", true, docker, ghcr)},
			want:    []string{"cluster-not-seen: DaemonSet kube-system/spegel: whether 1 of 2 pods are of an older template is not known, because no ControllerRevision has their hash, on node-2; run the audit again; the pods may have been created while it ran"},
		},
		"nobody replaces pods, and the numbers tell": {
			objects: []string{releaseOf(values), strings.NewReplacer("spec:\n  selector", "spec:\n  updateStrategy: {type: OnDelete}\n  selector", "updatedNumberScheduled: 3", "updatedNumberScheduled: 1").Replace(listed)},
			want:    []string{"pods-of-an-older-template: DaemonSet kube-system/spegel: 2 of 3 nodes have no pod of the current template; the update strategy is OnDelete, so delete the pods that don't have the newest hash: kubectl -n kube-system get pods -l 'app=spegel' -L controller-revision-hash; the newest is the last of kubectl -n kube-system get controllerrevisions -l 'app=spegel' -L controller-revision-hash --sort-by=.revision"},
		},
		"a node without a pod": {
			objects: []string{releaseOf(values), strings.Replace(listed, "updatedNumberScheduled: 3", "updatedNumberScheduled: 1", 1), current},
			want:    []string{"pods-of-an-older-template: DaemonSet kube-system/spegel: 2 of 3 nodes have no pod of the current template; wait for it: kubectl -n kube-system rollout status ds/spegel; if it does not finish, look at the pods that are not ready"},
		},
		"a template that its controller has not seen": {
			objects: []string{releaseOf(values), strings.Replace(listed, "observedGeneration: 2", "observedGeneration: 1", 1), current},
			want:    []string{"pods-of-an-older-template: DaemonSet kube-system/spegel: the current template has not reached any pod yet; wait for it: kubectl -n kube-system rollout status ds/spegel; if it does not finish, look at the pods that are not ready"},
		},
		"an init container that does not end": {
			objects: []string{releaseOf(values), listed, podOf("node-1", "new", false, docker, ghcr)},
			want:    []string{"node-not-configured: DaemonSet kube-system/spegel: the init container of 1 of 1 pods has not completed, on node-1; read its log: kubectl -n kube-system logs ds/spegel -c configuration"},
		},
		"DaemonSets may not be listed": {
			objects: []string{releaseOf(values), listed},
			funcs:   forbids(func(l client.ObjectList) bool { _, ok := l.(*appsv1.DaemonSetList); return ok }),
			want:    []string{"cluster-not-seen: what runs of this release is not known, because DaemonSets may not be listed; its values are still judged; to see what runs, grant list on daemonsets.apps"},
		},
		"pods may not be listed, and the numbers tell": {
			objects: []string{releaseOf(values), strings.Replace(listed, "updatedNumberScheduled: 3", "updatedNumberScheduled: 1", 1)},
			funcs:   forbids(func(l client.ObjectList) bool { _, ok := l.(*corev1.PodList); return ok }),
			want: []string{
				"pods-of-an-older-template: DaemonSet kube-system/spegel: 2 of 3 nodes have no pod of the current template; wait for it: kubectl -n kube-system rollout status ds/spegel; if it does not finish, look at the pods that are not ready",
				"cluster-not-seen: which pod of DaemonSet kube-system/spegel each node has is not known, because pods or their revisions may not be listed; to see the nodes, grant list on pods and on controllerrevisions.apps",
			},
		},
		"a DaemonSet without a HelmRelease": {
			objects: []string{strings.Replace(daemonSetOf(docker), "  labels: {helm", "  finalizers: [a/b]\n  labels: {a", 1)},
			want:    []string{"no-helmrelease: DaemonSet kube-system/spegel runs Spegel, but no HelmRelease installed it, so nothing reviews its values; install Spegel with a HelmRelease"},
		},
		"a DaemonSet of a release that is not taken for Spegel's": {
			objects: []string{strings.Replace(releaseOf(values), "chart: spegel", "chart: platform", 1), daemonSetOf(docker)},
			want:    []string{"no-helmrelease: DaemonSet kube-system/spegel runs Spegel, and by its labels HelmRelease kube-system/spegel made it, but its chart is not one of the policy's charts, so nothing reviews its values; add it to the policy's charts"},
		},
	}
	var told strings.Builder
	for _, test := range tests {
		told.WriteString(strings.Join(test.want, "\n") + "\n")
	}
	for _, kind := range audit.Problems() {
		if !strings.Contains(told.String(), string(kind.ID)+": ") {
			t.Errorf("no case makes problem %s", kind.ID)
		}
		if kind.Title == "" || kind.Why == "" || kind.Fix == "" {
			t.Errorf("problem %s is not explained", kind.ID)
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := run(t, cluster(t, test.funcs, test.objects...), "")
			if len(res.Releases) != 1 {
				t.Fatalf("%d releases; want one", len(res.Releases))
			}
			var got []string
			for _, p := range res.Releases[0].Problems {
				got = append(got, string(p.ID)+": "+p.Message+"; "+p.Fix)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The page has each kind of problem.
func TestProblemsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range audit.Problems() {
		if !strings.Contains(string(page), "| `"+string(kind.ID)+"` |") {
			t.Errorf("docs/audit.md does not have %s", kind.ID)
		}
	}
}
