package audit_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

const goodValues = "  values: {spegel: {mirroredRegistries: [\"https://docker.io\", \"https://ghcr.io\"]}}\n"

// TestAudit is the story of the audit: a cluster as it was before the guard came, what the CronJob says of it,
// what it writes into it, and what becomes of that when a release is fixed and another goes.
func TestAudit(t *testing.T) {
	nodes(t, "node-1", "node-2")
	both := []string{"https://docker.io", "https://ghcr.io"}
	apply(t, releaseIn("bad", "  values: {spegel: {registries: [\"https://docker.io\"]}}\n")+daemonSetIn("bad", "RollingUpdate"))
	apply(t, releaseIn("good", "  valuesFrom: [{kind: ConfigMap, name: list}]\n")+daemonSetIn("good", "RollingUpdate", both...)+
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: list, namespace: good}\ndata: {values.yaml: 'spegel: {mirroredRegistries: [https://docker.io, https://ghcr.io]}'}\n")
	apply(t, releaseIn("lagging", goodValues)+daemonSetIn("lagging", "OnDelete"))
	apply(t, releaseIn("secret", "  valuesFrom: [{kind: Secret, name: list}]\n")+daemonSetIn("secret", "RollingUpdate", "https://hunter2.example.com")+
		"apiVersion: v1\nkind: Secret\nmetadata: {name: list, namespace: secret}\nstringData: {values.yaml: 'spegel: {mirroredRegistries: [https://hunter2.example.com]}'}\n")
	apply(t, releaseIn("source", strings.ReplaceAll(goodValues, "  values", "  suspend: true\n  values"))+daemonSetIn("source", "RollingUpdate"))
	kubectl(t, "", "-n", "source", "patch", "helmrelease", "spegel", "--type=merge", "-p", `{"spec":{"chart":null,"chartRef":{"kind":"OCIRepository","name":"mirror"}}}`)
	apply(t, "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: mirror, namespace: source}\nspec: {interval: 1h, url: oci://ghcr.io/spegel-org/helm-charts/spegel, ref: {tag: 0.7.4}}\n")
	apply(t, strings.NewReplacer("chart: spegel", "chart: podinfo").Replace(releaseIn("another-chart", "  values: {spegel: {registries: [x]}}\n")))
	apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: by-hand}\n---\n"+strings.ReplaceAll(daemonSetIn("by-hand", "RollingUpdate", both...), "    helm.toolkit", "    not.toolkit"))
	namespaces := []string{"bad", "good", "lagging", "secret", "source", "another-chart", "by-hand"}
	t.Cleanup(func() { tidyUp(t, namespaces) })
	for _, ns := range []string{"bad", "good", "lagging", "secret", "source", "by-hand"} {
		rolledOut(t, ns, 2, 2)
		runPods(t, ns)
	}
	apply(t, daemonSetIn("lagging", "OnDelete", both...)) // the release was fixed, and nobody deletes the pods
	rolledOut(t, "lagging", 2, 0)

	r := webhook(t, jobArgs...)
	if r.code != 1 || r.stderr != "spegel-guard: the API server has no PolicyReports of wgpolicyk8s.io/v1alpha2, so none were written\n" {
		t.Errorf("exit code %d, standard error %q", r.code, r.stderr)
	}
	clustertest.Golden(t, "testdata/audit.txt", stable(r.stdout))
	documented(t, stable(r.stdout))
	if again := webhook(t, jobArgs...); again.stdout != r.stdout {
		t.Errorf("a second run differs (-first +second):\n%s", cmp.Diff(r.stdout, again.stdout))
	}
	t.Run("every format", formats)
	t.Run("events", events)
	t.Run("policy reports", policyReports)

	// one pod is replaced; the other still has the old list
	kubectl(t, "", "-n", "lagging", "delete", "pod", firstPod(t, "lagging"), "--grace-period=0", "--force")
	rolledOut(t, "lagging", 2, 1)
	if out := webhook(t, jobArgs...).stdout; !strings.Contains(out, "DaemonSet lagging/spegel: 1 of 2 pods run an older template, with a different list of mirrors, on node-") {
		t.Errorf("the pod that is left is not reported:\n%s", out)
	}
	t.Run("what it asked for", asked)
}

func firstPod(t *testing.T, namespace string) string {
	t.Helper()
	return strings.Fields(kubectl(t, "", "-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}"))[0]
}

// tidyUp takes away what a test made. No controller empties a namespace here.
func tidyUp(t *testing.T, namespaces []string) {
	t.Helper()
	for _, ns := range namespaces {
		kubectl(t, "", "-n", ns, "delete", "helmreleases,daemonsets,ocirepositories", "--all", "--wait=false")
		kubectl(t, "", "-n", ns, "delete", "pods", "--all", "--grace-period=0", "--force")
	}
}

// stable takes out of a text the names of pods, which the controller makes up.
func stable(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if before, _, ok := strings.Cut(line, "delete pod "); ok {
			line = before + "delete pod spegel-xxxxx spegel-yyyyy\n"
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

func formats(t *testing.T) {
	dir := t.TempDir()
	args := []string{"audit", "--private-registry=registry.example.ts.net"}
	for _, f := range report.Formats() {
		args = append(args, "-o", string(f)+"="+filepath.Join(dir, string(f)))
	}
	if r := webhook(t, args...); r.code != 1 || r.stdout != "" || r.stderr != "" {
		t.Errorf("%+v", r)
	}
	for _, f := range report.Formats() {
		text, err := os.ReadFile(filepath.Join(dir, string(f)))
		if err != nil || !strings.Contains(string(text), "legacy-registries-key") || strings.Contains(string(text), "hunter2") {
			t.Errorf("%s: %v\n%s", f, err, text)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "json"))
	if err != nil {
		t.Fatal(err)
	}
	var rep report.Report
	if err := json.Unmarshal(text, &rep); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report.Summary{Releases: 6, Denied: 1, Warned: 3, Unresolved: 1, Passed: 1}, rep.Summary); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// documented fails the test unless docs/audit.md shows the output to the letter.
func documented(t *testing.T, text string) {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), text) {
		t.Errorf("docs/audit.md does not show:\n%s", text)
	}
}
