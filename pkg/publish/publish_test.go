package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/publish"
	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func api(t *testing.T, funcs interceptor.Funcs) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := eventsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	kind := publish.PolicyReportKind()
	scheme.AddKnownTypeWithName(kind, &unstructured.Unstructured{})
	kind.Kind += "List"
	scheme.AddKnownTypeWithName(kind, &unstructured.UnstructuredList{})
	return fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(funcs).Build()
}

func finding(severity validate.Severity, path string) report.Finding {
	return report.Finding{Rule: "private-registry-mirrored", Severity: severity, Path: path, Message: "is private", Fix: "take it off"}
}

// judged is a report of these releases, all in namespace apps.
func judged(releases ...report.Release) *report.Report {
	for i := range releases {
		releases[i].Namespace, releases[i].Built = "apps", true
		releases[i].UID = "uid-" + releases[i].Name
	}
	return report.Judge(releases, nil, policy.UnresolvedWarn)
}

func bad() report.Release {
	return report.Release{
		Name:       "bad",
		Findings:   []report.Finding{finding(validate.Deny, "spec.a[0]"), finding(validate.Warn, "spec.a[1]")},
		Unresolved: []report.Unresolved{{Kind: "Secret", Namespace: "apps", Name: "list", Reason: "not permitted to read"}},
		Cluster:    &report.Cluster{Problems: []report.Problem{{Problem: "no-daemonset", Message: "nothing runs", Fix: "look"}}},
	}
}

func events(t *testing.T, c client.Client) []eventsv1.Event {
	t.Helper()
	var list eventsv1.EventList
	if err := c.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestEvents(t *testing.T) {
	t.Parallel()
	c := api(t, interceptor.Funcs{})
	loose := report.Release{Kind: "DaemonSet", Name: "loose", Cluster: &report.Cluster{Problems: []report.Problem{{Problem: "no-helmrelease", Message: "by hand", Fix: "fix it"}}}}
	if err := publish.Events(t.Context(), c, judged(bad(), loose, report.Release{Name: "good"}), "pod-1", noon); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range events(t, c) {
		got[e.Reason+" "+e.Regarding.APIVersion+" "+e.Regarding.Kind+" "+e.Regarding.Namespace+"/"+e.Regarding.Name+" "+string(e.Regarding.UID)+": "+e.Note]++
		if e.Namespace != "apps" || e.Type != corev1.EventTypeWarning || e.ReportingController != publish.Controller || e.ReportingInstance != "pod-1" ||
			e.Action != "Audit" || !e.EventTime.Time.Equal(noon) || !strings.HasSuffix(e.Name, ".20260131") {
			t.Errorf("%+v", e)
		}
	}
	want := map[string]int{
		"PrivateRegistryMirrored helm.toolkit.fluxcd.io/v2 HelmRelease apps/bad uid-bad: spec.a[0]: is private; take it off [private-registry-mirrored]": 1,
		"PrivateRegistryMirrored helm.toolkit.fluxcd.io/v2 HelmRelease apps/bad uid-bad: spec.a[1]: is private; take it off [private-registry-mirrored]": 1,
		"NoDaemonset helm.toolkit.fluxcd.io/v2 HelmRelease apps/bad uid-bad: nothing runs; look [no-daemonset]":                                          1,
		"NoHelmrelease apps/v1 DaemonSet apps/loose uid-loose: by hand; fix it [no-helmrelease]":                                                         1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEventsAreOneAFindingAndDay(t *testing.T) {
	t.Parallel()
	c := api(t, interceptor.Funcs{})
	write := func(r *report.Report, now time.Time, want int) {
		t.Helper()
		if err := publish.Events(t.Context(), c, r, "", now); err != nil {
			t.Fatal(err)
		}
		if got := len(events(t, c)); got != want {
			t.Errorf("%d Events; want %d", got, want)
		}
	}
	write(judged(bad()), noon, 3)
	write(judged(bad()), noon.Add(11*time.Hour), 3)
	counted := bad()
	counted.Cluster.Problems[0].Message = "nothing runs, still"
	write(judged(counted), noon, 3)
	another := bad()
	another.Findings = append(another.Findings, finding(validate.Deny, "spec.a[2]"))
	write(judged(another), noon, 4)
	write(judged(bad()), noon.Add(12*time.Hour), 7) // the next day, in UTC
	namesake := bad()
	namesake.Kind = "DaemonSet"
	write(judged(namesake), noon, 10)
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	c := api(t, interceptor.Funcs{})
	long := report.Release{Name: strings.Repeat("a", 198) + ".-" + strings.Repeat("b", 53)}
	for i := range 1000 {
		f := finding(validate.Deny, fmt.Sprintf("spec.a[%d]", i))
		f.Message = strings.Repeat("é", 2000)
		long.Findings = append(long.Findings, f)
	}
	if err := publish.Events(t.Context(), c, judged(long), strings.Repeat("i", 300), noon); err != nil {
		t.Fatal(err)
	}
	all := events(t, c)
	if len(all) != 20 {
		t.Errorf("%d Events; want 20", len(all))
	}
	for _, e := range all {
		if len(e.Note) > 1024 || len(e.Note) < 1020 || len(e.Name) > 253 || len(e.ReportingInstance) > 128 || strings.Contains(e.Name, ".-") || strings.ToValidUTF8(e.Note, "") != e.Note {
			t.Errorf("%d bytes of note, name %s", len(e.Note), e.Name)
		}
	}
}

func policyReports(t *testing.T, c client.Client) []string {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(publish.PolicyReportKind())
	if err := c.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, o := range list.Items {
		scope, _, _ := unstructured.NestedString(o.Object, "scope", "name")
		owner := o.GetOwnerReferences()[0]
		line := []string{fmt.Sprintf("%s/%s of %s owned by %s %s:", o.GetNamespace(), o.GetName(), scope, owner.Kind, owner.UID)}
		results, _, _ := unstructured.NestedSlice(o.Object, "results")
		for _, r := range results {
			r := r.(map[string]any)
			line = append(line, fmt.Sprint(r["result"], " ", r["rule"], " ", r["severity"]))
		}
		summary, _, _ := unstructured.NestedMap(o.Object, "summary")
		out = append(out, strings.Join(append(line, fmt.Sprint(summary)), " "))
	}
	return out
}

func TestPolicyReports(t *testing.T) {
	t.Parallel()
	c := api(t, interceptor.Funcs{})
	write := func(r *report.Report, namespace string, want ...string) {
		t.Helper()
		if err := publish.PolicyReports(t.Context(), c, r, namespace, noon); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, policyReports(t, c)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	foreign := &unstructured.Unstructured{}
	foreign.SetGroupVersionKind(publish.PolicyReportKind())
	foreign.SetNamespace("apps")
	foreign.SetName("another-engine")
	foreign.SetOwnerReferences([]metav1.OwnerReference{{Kind: "x"}})
	if err := c.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	const others = "apps/another-engine of  owned by x : map[]"
	const failing = "apps/spegel-guard-uid-bad of bad owned by HelmRelease uid-bad: fail private-registry-mirrored high warn private-registry-mirrored medium " +
		"warn no-daemonset medium skip unresolved <nil> map[error:0 fail:1 pass:0 skip:1 warn:2]"
	const passing = "apps/spegel-guard-uid-good of good owned by HelmRelease uid-good: pass <nil> <nil> map[error:0 fail:0 pass:1 skip:0 warn:0]"
	write(judged(bad(), report.Release{Name: "good"}), "", others, failing, passing)
	write(judged(bad(), report.Release{Name: "good"}), "", others, failing, passing)
	fixed := "apps/spegel-guard-uid-bad of bad owned by HelmRelease uid-bad: pass <nil> <nil> map[error:0 fail:0 pass:1 skip:0 warn:0]"
	write(judged(), "elsewhere", others, failing, passing) // another namespace's are left alone
	write(judged(report.Release{Name: "bad"}), "", others, fixed)
	write(judged(), "", others)
}

func TestPolicyReportsAreBounded(t *testing.T) {
	t.Parallel()
	c := api(t, interceptor.Funcs{})
	long := report.Release{Name: "long", Findings: []report.Finding{finding(validate.Warn, "first")}}
	for i := range 20000 {
		f := finding(validate.Deny, fmt.Sprintf("spec.a[%d]", i))
		f.Message = strings.Repeat("é", 2000)
		long.Findings = append(long.Findings, f)
	}
	if err := publish.PolicyReports(t.Context(), c, judged(long), "", noon); err != nil {
		t.Fatal(err)
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(publish.PolicyReportKind())
	if err := c.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	results, _, _ := unstructured.NestedSlice(list.Items[0].Object, "results")
	if len(results) != 101 {
		t.Fatalf("%d results; want 100, and one that counts the rest", len(results))
	}
	for _, r := range results[:100] {
		if r := r.(map[string]any); r["result"] != "fail" || len(r["message"].(string)) > 1024 {
			t.Errorf("%v with %d bytes", r["result"], len(r["message"].(string)))
		}
	}
	if last := results[100].(map[string]any); last["result"] != "skip" || last["message"] != "19901 more results are left out" {
		t.Errorf("%v", last)
	}
	if n, _, _ := unstructured.NestedInt64(list.Items[0].Object, "summary", "fail"); n != 20000 {
		t.Errorf("the summary counts %d; want all", n)
	}
}

func TestPublishFails(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "wgpolicyk8s.io", Resource: "policyreports"}
	none := api(t, interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
		return apierrors.NewNotFound(resource, "")
	}})
	if err := publish.PolicyReports(t.Context(), none, judged(bad()), "", noon); !errors.Is(err, publish.ErrNoPolicyReports) {
		t.Errorf("without the API: %v", err)
	}
	refused := api(t, interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewForbidden(resource, "", nil)
	}})
	reports := publish.PolicyReports(t.Context(), refused, judged(bad()), "", noon)
	events := publish.Events(t.Context(), refused, judged(bad()), "", noon)
	for what, err := range map[string]error{"write the PolicyReport about apps/bad: ": reports, "write an Event about apps/bad: ": events} {
		if !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("%v; want %q", err, what)
		}
	}
}
