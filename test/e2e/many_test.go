package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// TestManyReleases has ten thousand HelmReleases in a namespace, in the short form 300, of which a hundred, or 30, take their list from one ConfigMap, spread over all
// pages. Most of what a review of it takes is spent by the API server, for which each page is read and decoded anew, so how far it gets
// in its time depends on the machine. If that is the end, the ConfigMap is refused for all of them: the answer names the first and
// counts the others. If not, it is refused for those that were found, or admitted, and a warning says so either way.
func TestManyReleases(t *testing.T) {
	t.Parallel()
	const page = 100
	all, naming := 10_000, 100
	if testing.Short() {
		all, naming = 300, 30
	}
	ns := namespace(t, "many")
	createReleases(t, ns, all, all/naming)
	bad := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spegel-values}\ndata: {values.yaml: 'spegel: {mirroredRegistries: [https://registry.example.ts.net]}'}\n"
	const counted = `spegel_guard_reviews_total{dry_run="true",kind="ConfigMap",operation="CREATE",verdict="not-judged"}`
	denied := regexp.MustCompile(fmt.Sprintf(`\(1 problem\) in HelmRelease many/r-00000(, many/r-%05d(, many/r-%05d( and (\d+) more)?)?)?:\n- `, all/naming, 2*all/naming))
	eventually(t, "the ConfigMap is judged", func() bool { // the API server may give up on a webhook that is held up for seconds
		before := len(listed(t, ns))
		r := kubectlInput(t, bad, "-n", ns, "create", "--dry-run=server", "-f", "-")
		pages := listed(t, ns)[before:]
		if len(pages) > all/page {
			t.Fatalf("%d pages were asked for, want no more than %d", len(pages), all/page)
		}
		for _, uri := range pages {
			if !strings.Contains(uri, fmt.Sprintf("limit=%d", page)) {
				t.Errorf("no bounded page: %s", uri)
			}
		}
		incomplete, first := strings.Contains(r.Output, "Warning: not judged in full: "), denied.FindStringSubmatch(r.Output)
		t.Logf("status %d after %d pages, incomplete: %t: %s", r.ExitCode, len(pages), incomplete, r.Output)
		switch {
		case r.ExitCode == 0:
			return incomplete && !slices.Contains([]string{"", "0"}, metric(t, counted))
		case first == nil || strings.Count(r.Output, "\n- ") != 1:
			t.Fatalf("want a refusal for the first releases: %s", r.Output)
		case !incomplete && (first[4] != strconv.Itoa(naming-3) || len(pages) != all/page):
			t.Errorf("judged in full with %d pages, want %d and a refusal that counts %d releases more: %s", len(pages), all/page, naming-3, r.Output)
		}
		return true
	})
}

// createReleases makes so many HelmReleases, each of which is of another chart except one in so many: that is Spegel's, by a ConfigMap.
func createReleases(t *testing.T, ns string, all, every int) {
	t.Helper()
	api, err := client.New(shared.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	create, ctx := errgroup.WithContext(t.Context())
	create.SetLimit(16)
	for i := range all {
		chart, from := "podinfo", "podinfo-values"
		if i%every == 0 {
			chart, from = "spegel", "spegel-values"
		}
		create.Go(func() error {
			hr := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(fmt.Appendf(nil, manyRelease, i, ns, chart, chart, from), &hr.Object); err != nil {
				return err
			}
			return api.Create(ctx, hr)
		})
	}
	if err := create.Wait(); err != nil {
		t.Fatal(err)
	}
}

// manyRelease is a release of the usual size.
const manyRelease = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: r-%05d, namespace: %s}
spec:
  interval: 1h
  chart: {spec: {chart: %s, sourceRef: {kind: HelmRepository, name: %s}}}
  install: {remediation: {retries: 3}}
  upgrade: {remediation: {retries: 3}}
  valuesFrom: [{kind: ConfigMap, name: %s}]
  values:
    service: {registry: {hostPort: 29999}, type: ClusterIP}
    serviceMonitor: {enabled: true, interval: 1m, labels: {release: prometheus}}
    resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 128Mi}}
    tolerations: [{key: CriticalAddonsOnly, operator: Exists}, {effect: NoExecute, operator: Exists}]
`

// listed are the lists of HelmReleases of a namespace that the webhook has asked for.
func listed(t *testing.T, ns string) (uris []string) {
	t.Helper()
	events, err := shared.AuditEvents()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.User.Username == webhookUser && e.Verb == "list" && e.ObjectRef != nil && e.ObjectRef.Namespace == ns {
			uris = append(uris, e.RequestURI)
		}
	}
	return uris
}
