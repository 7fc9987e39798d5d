package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
)

// summary lists releases with the rules that they break and what is unresolved.
func summary(res *audit.Result) []string {
	var out []string
	for i := range res.Releases {
		rel := &res.Releases[i]
		line := []string{fmt.Sprintf("%s %s/%s:", rel.Kind, rel.Namespace, rel.Name)}
		for _, f := range rel.Findings {
			line = append(line, f.Rule)
		}
		for _, u := range rel.Unresolved {
			line = append(line, "unresolved "+u.Name)
		}
		out = append(out, strings.Join(line, " "))
	}
	return out
}

func TestRunJudgesSpegelsReleasesInOrder(t *testing.T) {
	t.Parallel()
	named := func(namespace, name, chart, more string) string {
		r := strings.NewReplacer("name: spegel, namespace: kube-system, uid: uid-release", "name: "+name+", namespace: "+namespace+", uid: uid-"+namespace+name, "chart: spegel", "chart: "+chart)
		return r.Replace(releaseOf("  suspend: true\n" + more))
	}
	c := cluster(t, interceptor.Funcs{},
		named("z", "spegel", "spegel", ""),
		named("a", "mirror", "spegel", "  valuesFrom: [{kind: ConfigMap, name: list}, {kind: ConfigMap, name: optional, optional: true}]\n"),
		named("a", "podinfo", "podinfo", "  values: {spegel: {registries: [x]}}\n"),
		named("a", "spegel", "spegel", "  valuesFrom: [{kind: ConfigMap, name: gone}]\n"),
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: list, namespace: a}\ndata: {values.yaml: 'spegel: {mirroredRegistries: [https://harbor.example.com]}'}\n",
		strings.Replace(daemonSetOf("https://docker.io"), "helm.toolkit.fluxcd.io/name: spegel, helm.toolkit.fluxcd.io/namespace: kube-system", "a: b", 1),
	)
	want := []string{
		"HelmRelease a/mirror: private-registry-mirrored",
		"HelmRelease a/spegel: unresolved gone",
		"DaemonSet kube-system/spegel:",
		"HelmRelease z/spegel: empty-mirror-list",
	}
	if diff := cmp.Diff(want, summary(run(t, c, ""))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], summary(run(t, c, "a"))); diff != "" {
		t.Errorf("in one namespace: -want +got:\n%s", diff)
	}
}

func TestRunTellsWhatRuns(t *testing.T) {
	t.Parallel()
	c := cluster(t, interceptor.Funcs{}, releaseOf(values), daemonSetOf("https://docker.io", "https://robot:hunter2@ghcr.io"))
	want := []audit.DaemonSet{{
		Namespace: "kube-system", Name: "spegel", Mirrors: []string{"https://docker.io", "https://***@ghcr.io"}, Writes: true, Nodes: 3, Updated: 3, Current: true,
	}}
	res := run(t, c, "")
	if diff := cmp.Diff(want, res.Releases[0].DaemonSets); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// By Helm's annotations, where Flux's labels are gone; the name is the one that was installed.
func TestRunFindsTheDaemonSetByHelmsAnnotations(t *testing.T) {
	t.Parallel()
	ds := strings.Replace(daemonSetOf("https://docker.io", "https://ghcr.io"), "  labels: {helm.toolkit.fluxcd.io/name: spegel, helm.toolkit.fluxcd.io/namespace: kube-system}\n", "", 1)
	for name, more := range map[string]string{
		"by the release's name":      "",
		"by the name in its history": "  releaseName: a-long-name\nstatus: {history: [{name: spegel, namespace: kube-system, version: 1, status: deployed, chartName: spegel, chartVersion: 0.7.4, configDigest: x, digest: x, firstDeployed: 2026-01-01T00:00:00Z, lastDeployed: 2026-01-01T00:00:00Z}]}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := run(t, cluster(t, interceptor.Funcs{}, releaseOf(values+more), ds), "")
			if len(res.Releases) != 1 || len(res.Releases[0].DaemonSets) != 1 || len(res.Releases[0].Problems) > 0 {
				t.Errorf("%+v", res.Releases)
			}
		})
	}
}

// Flux's labels say who made it, whatever Helm calls the release.
func TestRunFindsTheDaemonSetByFluxsLabels(t *testing.T) {
	t.Parallel()
	ds := daemonSetOf("https://docker.io", "https://ghcr.io")
	for name, test := range map[string]struct {
		daemonSet string
		want      int
	}{
		"its own, under another name of Helm's":    {strings.Replace(ds, "meta.helm.sh/release-name: spegel", "meta.helm.sh/release-name: shortened", 1), 1},
		"another's, under the same name of Helm's": {strings.Replace(ds, "helm.toolkit.fluxcd.io/name: spegel", "helm.toolkit.fluxcd.io/name: another", 1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := run(t, cluster(t, interceptor.Funcs{}, releaseOf(values), test.daemonSet), "")
			if got := len(res.Releases[0].DaemonSets); got != test.want {
				t.Errorf("%d DaemonSets; want %d", got, test.want)
			}
		})
	}
}

// A list that could come out of a Secret is not shown anywhere; the host that matched is.
func TestRunShowsNothingOfASecret(t *testing.T) {
	t.Parallel()
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: list, namespace: kube-system}\nstringData: {}\ndata: {values.yaml: c3BlZ2VsOiB7bWlycm9yZWRSZWdpc3RyaWVzOiBbaHR0cHM6Ly9odW50ZXIyLmV4YW1wbGUuY29tXX0=}\n"
	c := cluster(t, interceptor.Funcs{}, releaseOf("  valuesFrom: [{kind: Secret, name: list}]\n"), secret,
		daemonSetOf("https://hunter2.example.com", "https://harbor.example.com"))
	res := run(t, c, "")
	if len(res.Releases) != 1 || len(res.Releases[0].Problems) != 2 {
		t.Fatalf("%+v; want two problems", res.Releases)
	}
	rel := res.Releases[0]
	text := fmt.Sprintf("%+v %+v %+v", rel.Findings, rel.Problems, rel.DaemonSets)
	if strings.Contains(text, "hunter2") || !strings.Contains(text, "the private registry harbor.example.com") {
		t.Error(text)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	lists := func(err error) interceptor.Funcs {
		return interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, ok := list.(*helmv2.HelmReleaseList); ok {
				return err
			}
			return c.List(ctx, list, opts...)
		}}
	}
	resource := schema.GroupResource{Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases"}
	for name, test := range map[string]struct {
		err       error
		namespace string
		want      string
	}{
		"without the API":                    {apierrors.NewNotFound(resource, ""), "", "the API server has no HelmReleases of helm.toolkit.fluxcd.io/v2; is Flux 2.3 or newer installed?"},
		"without the right to list":          {apierrors.NewForbidden(resource, "", nil), "", "HelmReleases may not be listed in all namespaces; use --namespace to audit one: "},
		"without the right in one namespace": {apierrors.NewForbidden(resource, "", nil), "a", "audit the cluster: "},
		"without a cluster":                  {errors.New("connection refused"), "", "audit the cluster: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := audit.Run(t.Context(), audit.Options{Reader: cluster(t, lists(test.err)), Namespace: test.namespace})
			if err == nil || res != nil || !strings.HasPrefix(err.Error(), test.want) || !errors.Is(err, test.err) {
				t.Errorf("%v, %v; want an error with %q", res, err, test.want)
			}
		})
	}
	t.Run("a namespace that is not there", func(t *testing.T) {
		t.Parallel()
		const there = "apiVersion: v1\nkind: Namespace\nmetadata: {name: there}\n"
		forbidden := interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return apierrors.NewForbidden(resource, "", nil)
		}}
		if res, err := audit.Run(t.Context(), audit.Options{Reader: cluster(t, interceptor.Funcs{}, there), Namespace: "nowhere"}); err == nil || err.Error() != `there is no namespace "nowhere"` {
			t.Errorf("%v, %v", res, err)
		}
		for _, funcs := range []interceptor.Funcs{{}, forbidden} {
			if _, err := audit.Run(t.Context(), audit.Options{Reader: cluster(t, funcs, there), Namespace: "there"}); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("out of time", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		c := cluster(t, interceptor.Funcs{Get: func(ctx context.Context, _ client.WithWatch, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
			if _, ok := obj.(*corev1.ConfigMap); ok {
				cancel()
			}
			return ctx.Err()
		}}, releaseOf("  valuesFrom: [{kind: ConfigMap, name: slow}]\n"))
		if res, err := audit.Run(ctx, audit.Options{Reader: c}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v; want no result, as values were not read in time", res, err)
		}
	})
}
