package audit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// events holds against the cluster what two runs on one day have written.
func events(t *testing.T) {
	text := kubectl(t, "", "get", "events.events.k8s.io", "-A", "-o", `jsonpath={range .items[?(@.reportingController=="spegel-guard.dev/audit")]}{.regarding.kind} {.regarding.namespace}/{.regarding.name} {.reason}{"\n"}{end}`)
	want := []string{
		"DaemonSet by-hand/spegel NoHelmrelease",
		"HelmRelease bad/spegel EmptyMirrorList",
		"HelmRelease bad/spegel LegacyRegistriesKey",
		"HelmRelease lagging/spegel PodsOfAnOlderTemplate",
		"HelmRelease source/spegel OtherMirrorsInForce",
		"HelmRelease source/spegel PrivatePullsAtRisk",
	}
	got := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if described := kubectl(t, "", "-n", "bad", "describe", "helmrelease", "spegel"); !strings.Contains(described, "[legacy-registries-key]") {
		t.Errorf("kubectl describe does not show the Event:\n%s", described)
	}
	if all := kubectl(t, "", "get", "events", "-A", "-o", "yaml"); strings.Contains(all, "hunter2") {
		t.Error("an Event shows something of a Secret")
	}
}

// policyReports installs the API, and follows what is written through a mended and a deleted release.
func policyReports(t *testing.T) {
	apply(t, string(read(t, "testdata/policyreports.yaml")))
	kubectl(t, "", "wait", "--for=condition=Established", "crd/policyreports.wgpolicyk8s.io", "--timeout=60s")
	const foreign = "apiVersion: wgpolicyk8s.io/v1alpha2\nkind: PolicyReport\nmetadata: {name: another-engine, namespace: bad}\n"
	apply(t, foreign)
	// the API server takes a moment to know the new resource
	eventually(t, "the audit writes PolicyReports", func() bool { return webhook(t, jobArgs...).stderr == "" })
	want := map[string]string{
		"bad/another-engine":         "",
		"bad/HelmRelease spegel":     "fail legacy-registries-key, fail empty-mirror-list",
		"by-hand/DaemonSet spegel":   "warn no-helmrelease",
		"good/HelmRelease spegel":    "pass ",
		"lagging/HelmRelease spegel": "warn pods-of-an-older-template",
		"secret/HelmRelease spegel":  "skip unresolved",
		"source/HelmRelease spegel":  "warn private-pulls-at-risk, warn other-mirrors-in-force",
	}
	compare := func(what string) {
		t.Helper()
		if diff := cmp.Diff(want, written(t)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", what, diff)
		}
	}
	compare("at first")

	const mended = `{"spec":{"values":{"spegel":{"registries":null,"mirroredRegistries":["https://docker.io"]}}}}`
	kubectl(t, "", "-n", "bad", "patch", "helmrelease", "spegel", "--type=merge", "-p", mended)
	kubectl(t, "", "-n", "good", "delete", "helmrelease", "spegel")
	kubectl(t, "", "-n", "good", "delete", "daemonset", "spegel")
	if r := webhook(t, jobArgs...); r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, standard error %q; want nothing denied\n%s", r.code, r.stderr, r.stdout)
	}
	want["bad/HelmRelease spegel"] = "warn private-pulls-at-risk, warn other-mirrors-in-force" // until Flux brings it to the nodes
	delete(want, "good/HelmRelease spegel")
	compare("after one is mended and one is gone")

	// with a namespace, those of others are left alone
	if r := webhook(t, "audit", "--policy-report", "--namespace=good", "--private-registry=registry.example.ts.net"); r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, standard error %q", r.code, r.stderr)
	}
	compare("after an audit of one namespace")
}

// written maps the PolicyReports of the cluster to their results.
func written(t *testing.T) map[string]string {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Namespace       string `json:"namespace"`
				Name            string `json:"name"`
				OwnerReferences []struct {
					UID string `json:"uid"`
				} `json:"ownerReferences"`
			} `json:"metadata"`
			Scope struct {
				Kind string `json:"kind"`
				Name string `json:"name"`
				UID  string `json:"uid"`
			} `json:"scope"`
			Results []struct {
				Result string `json:"result"`
				Rule   string `json:"rule"`
			} `json:"results"`
		} `json:"items"`
	}
	text := kubectl(t, "", "get", "policyreports", "-A", "-o", "json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "hunter2") {
		t.Error("a PolicyReport shows something of a Secret")
	}
	out := map[string]string{}
	for _, item := range list.Items {
		name := item.Metadata.Name
		if item.Scope.Name != "" {
			name = item.Scope.Kind + " " + item.Scope.Name
			if o := item.Metadata.OwnerReferences; len(o) != 1 || o[0].UID != item.Scope.UID || item.Metadata.Name != "spegel-guard-"+item.Scope.UID {
				t.Errorf("%s is not owned by its scope: %+v", item.Metadata.Name, item)
			}
		}
		var results []string
		for _, r := range item.Results {
			results = append(results, r.Result+" "+r.Rule)
		}
		out[fmt.Sprintf("%s/%s", item.Metadata.Namespace, name)] = strings.Join(results, ", ")
	}
	return out
}
