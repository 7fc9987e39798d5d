package audit_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// events holds against the cluster what two runs on one day have written: one Event for each finding. That is so while the API
// server keeps them. It forgets each after an hour by default, and a run after that writes it again.
func events(t *testing.T) {
	ours := writtenEvents(t)
	if described := kubectl(t, "", "-n", "bad", "describe", "helmrelease", "spegel"); !strings.Contains(described, "[legacy-registries-key]") {
		t.Errorf("kubectl describe does not show the Event:\n%s", described)
	}
	if all := kubectl(t, "", "get", "events", "-A", "-o", "yaml"); strings.Contains(all, "hunter2") {
		t.Error("an Event shows something of a Secret")
	}
	for _, e := range ours { // as when their time is over
		kubectl(t, "", "-n", e.namespace, "delete", "events.events.k8s.io", e.name)
	}
	if r := webhook(t, jobArgs...); r.code != 1 {
		t.Errorf("%+v", r)
	}
	for i, again := range writtenEvents(t) {
		if again.namespace != ours[i].namespace || again.name[:len(again.name)-len("20060102")] != ours[i].name[:len(ours[i].name)-len("20060102")] || again.uid == ours[i].uid {
			t.Errorf("%+v; want it written again, for %+v", again, ours[i])
		}
	}
}

// event is one of the audit's Events.
type event struct{ namespace, name, uid string }

// writtenEvents are those of the cluster, which have to be those of the story.
func writtenEvents(t *testing.T) []event {
	t.Helper()
	text := kubectl(t, "", "get", "events.events.k8s.io", "-A", "-o", `jsonpath={range .items[?(@.reportingController=="spegel-guard.dev/audit")]}{.regarding.kind} {.regarding.namespace}/{.regarding.name} {.reason} {.metadata.namespace} {.metadata.name} {.metadata.uid}{"\n"}{end}`)
	want := []string{
		"DaemonSet by-hand/spegel NoHelmrelease",
		"HelmRelease bad/spegel EmptyMirrorList",
		"HelmRelease bad/spegel LegacyRegistriesKey",
		"HelmRelease lagging/spegel PodsOfAnOlderTemplate",
		"HelmRelease source/spegel OtherMirrorsInForce",
		"HelmRelease source/spegel PrivatePullsAtRisk",
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	var got []string
	var out []event
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) != 6 {
			t.Fatalf("unexpected %q", line)
		}
		got = append(got, strings.Join(words[:3], " "))
		out = append(out, event{words[3], words[4], words[5]})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	return out
}

// policyReports installs the API, and follows what is written through a fixed and a deleted release.
func policyReports(t *testing.T) {
	crd, err := cluster.PolicyReportCRD()
	if err != nil {
		t.Fatal(err)
	}
	apply(t, string(read(t, crd)))
	kubectl(t, "", "wait", "--for=condition=Established", "crd/policyreports.wgpolicyk8s.io", "--timeout=60s")
	const foreign = "apiVersion: wgpolicyk8s.io/v1alpha2\nkind: PolicyReport\nmetadata: {name: another-engine, namespace: bad}\n"
	apply(t, foreign)
	// the API server takes a moment to know the new resource
	var r result
	eventually(t, "the audit writes PolicyReports", func() bool {
		r = webhook(t, jobArgs...)
		return r.stderr == ""
	})
	if r.code != 1 || !strings.Contains(r.stdout, "deny bad/spegel") { // and the Events are there too, see events
		t.Errorf("%+v; want that the job fails", r)
	}
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
	t.Run("a namespace that is being deleted", leaving)

	const fixed = `{"spec":{"values":{"spegel":{"registries":null,"mirroredRegistries":["https://docker.io"]}}}}`
	kubectl(t, "", "-n", "bad", "patch", "helmrelease", "spegel", "--type=merge", "-p", fixed)
	kubectl(t, "", "-n", "good", "delete", "helmrelease", "spegel")
	kubectl(t, "", "-n", "good", "delete", "daemonset", "spegel")
	if r := webhook(t, jobArgs...); r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, standard error %q; want nothing denied\n%s", r.code, r.stderr, r.stdout)
	}
	want["bad/HelmRelease spegel"] = "warn private-pulls-at-risk, warn other-mirrors-in-force" // until Flux brings it to the nodes
	delete(want, "good/HelmRelease spegel")
	compare("after one is fixed and one is gone")

	// with a namespace, those of others are left alone
	if r := webhook(t, "audit", "--policy-report", "--namespace=good", "--private-registry=registry.example.ts.net"); r.code != 0 || r.stderr != "" {
		t.Errorf("exit code %d, standard error %q", r.code, r.stderr)
	}
	compare("after an audit of one namespace")
}

// leaving has the job judge a bad release in a namespace that is being deleted, which takes no new objects. The job fails, as
// something is denied, and everything else is written.
func leaving(t *testing.T) {
	apply(t, releaseIn("leaving", "  values: {spegel: {registries: [\"https://docker.io\"]}}\n"))
	t.Cleanup(func() { tidyUp(t, []string{"leaving"}) })
	kubectl(t, "", "delete", "namespace", "leaving", "--wait=false") // no controller empties it here, as where a finalizer hangs
	for _, e := range writtenEvents(t) {
		kubectl(t, "", "-n", e.namespace, "delete", "events.events.k8s.io", e.name)
	}
	kubectl(t, "", "-n", "bad", "delete", "policyreports", "-l", "app.kubernetes.io/managed-by=spegel-guard")
	var r result
	// the API server refuses once its own view of the namespace has caught up
	eventually(t, "the API server takes no new objects there", func() bool {
		const written = "events.events.k8s.io,policyreports"
		r = webhook(t, jobArgs...)
		if kubectl(t, "", "-n", "leaving", "get", written, "-o", "name") == "" {
			return true
		}
		kubectl(t, "", "-n", "leaving", "delete", written, "--all")
		return false
	})
	if r.code != 1 || r.stderr != "" || !strings.Contains(r.stdout, "deny leaving/spegel") {
		t.Errorf("%+v", r)
	}
	writtenEvents(t)
	if got := written(t)["bad/HelmRelease spegel"]; got != "fail legacy-registries-key, fail empty-mirror-list" {
		t.Errorf("the PolicyReport of a namespace that stays: %q", got)
	}
	// where nothing is denied, such a namespace is no reason to fail
	if r := webhook(t, "audit", "--events", "--policy-report", "--namespace=leaving", "--config="+allWarn(t)); r.code != 0 || r.stderr != "" {
		t.Errorf("%+v", r)
	}
}

// allWarn is a policy by which nothing denies.
func allWarn(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := testPolicy + "rules: {legacy-registries-key: warn, empty-mirror-list: warn}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
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
