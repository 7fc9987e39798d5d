package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const labelled = "  labels: {helm.toolkit.fluxcd.io/name: spegel, helm.toolkit.fluxcd.io/namespace: kube-system}\n"

// Of a DaemonSet that no release of Spegel made, the list is shown only where it is known to come from no Secret.
func TestRunShowsNothingOfASecretOfWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	const inSecret = "  valuesFrom: [{kind: Secret, name: list}]\n"
	unknown := strings.NewReplacer("chart: spegel", "chart: platform")
	ds := daemonSetOf("https://hunter2.example.com")
	for name, test := range map[string]struct {
		objects []string
		shown   bool
	}{
		"a chart that the policy does not know, values in a Secret": {[]string{unknown.Replace(releaseOf(inSecret)), ds}, false},
		"the same, told by Helm's annotations":                      {[]string{unknown.Replace(releaseOf(inSecret)), strings.Replace(ds, labelled, "", 1)}, false},
		"a HelmRelease that is gone":                                {[]string{ds}, false},
		"a chart that the policy does not know, values in sight":    {[]string{unknown.Replace(releaseOf(values)), ds}, true},
		"no HelmRelease at all":                                     {[]string{strings.Replace(ds, labelled, "", 1)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := run(t, cluster(t, interceptor.Funcs{}, test.objects...), "")
			if len(res.Releases) != 1 || len(res.Releases[0].DaemonSets) != 1 {
				t.Fatalf("%+v; want one DaemonSet", res.Releases)
			}
			rel := res.Releases[0]
			text := fmt.Sprintf("%+v %+v", rel.Problems, rel.DaemonSets)
			if strings.Contains(text, "hunter2") != test.shown || (rel.DaemonSets[0].Mirrors == nil) == test.shown {
				t.Errorf("%s; want it shown: %t", text, test.shown)
			}
		})
	}
}

// Why nothing reviews the values of a DaemonSet: only what is the case is said.
func TestRunTellsWhyNothingReviewsADaemonSet(t *testing.T) {
	t.Parallel()
	kubeConfig := "  kubeConfig: {secretRef: {name: other}}\n" + values
	elsewhere := "DaemonSet kube-system/spegel runs Spegel, and by its labels HelmRelease kube-system/spegel made it, but that one installs into another cluster (spec.kubeConfig), so it is not known what did"
	for name, test := range map[string]struct {
		objects         []string
		namespace, want string
	}{
		"the HelmRelease is gone":                  {nil, "", "DaemonSet kube-system/spegel runs Spegel, and by its labels HelmRelease kube-system/spegel made it, but there is no such HelmRelease, so nothing reviews its values"},
		"it is of another cluster":                 {[]string{releaseOf(kubeConfig)}, "", elsewhere},
		"it is of another cluster and chart":       {[]string{strings.Replace(releaseOf(kubeConfig), "chart: spegel", "chart: x", 1)}, "", elsewhere},
		"it installs into a namespace not audited": {[]string{releaseOf("  targetNamespace: apps\n" + values)}, "kube-system", "DaemonSet kube-system/spegel runs Spegel, and by its labels HelmRelease kube-system/spegel made it, but that one installs into namespace apps, so it is not known what did"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := run(t, cluster(t, interceptor.Funcs{}, append(test.objects, daemonSetOf("https://docker.io"))...), test.namespace)
			loose := res.Releases[len(res.Releases)-1]
			if loose.Kind != "DaemonSet" || loose.DaemonSets[0].Mirrors != nil || len(loose.Problems) == 0 || loose.Problems[0].Message != test.want {
				t.Errorf("%s %+v; want %q", loose.Kind, loose.Problems, test.want)
			}
		})
	}
}

// Two HelmReleases with one releaseName and no labels of Flux's: neither is given what runs.
func TestRunDoesNotGuessWhoseADaemonSetIs(t *testing.T) {
	t.Parallel()
	named := func(name string) string {
		return strings.Replace(releaseOf("  releaseName: spegel\n"+values), "name: spegel, namespace: kube-system, uid", "name: "+name+", namespace: kube-system, uid", 1)
	}
	res := run(t, cluster(t, interceptor.Funcs{}, named("m1"), named("m2"), strings.Replace(daemonSetOf("https://docker.io"), labelled, "", 1)), "")
	if len(res.Releases) != 3 {
		t.Fatalf("%+v; want two HelmReleases and a DaemonSet", res.Releases)
	}
	want := "HelmReleases kube-system/m1, kube-system/m2 share the Helm release of DaemonSet kube-system/spegel, so it is not known which of them installed it"
	for _, rel := range res.Releases {
		if len(rel.Problems) != 1 || rel.Problems[0].Message != want || (rel.Kind == "DaemonSet") != (len(rel.DaemonSets) == 1) {
			t.Errorf("%s %s: %+v, %+v", rel.Kind, rel.Name, rel.Problems, rel.DaemonSets)
		}
	}
}
