package admission_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	good = `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: kube-system}
spec:
  interval: 1h
  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}
  values: {spegel: {mirroredRegistries: [https://docker.io]}}
`
	bad = `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: kube-system}
spec:
  interval: 1h
  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}
  values: {spegel: {registries: [https://docker.io]}}
`
)

// with returns a copy with one field changed.
func with(u *unstructured.Unstructured, value any, path ...string) *unstructured.Unstructured {
	u = u.DeepCopy()
	if err := unstructured.SetNestedField(u.Object, value, path...); err != nil {
		panic(err)
	}
	return u
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	good, bad := object(t, good), object(t, bad)
	deleting := with(bad, "2026-01-01T00:00:00Z", "metadata", "deletionTimestamp")
	suspended := with(bad, true, "spec", "suspend")
	longer := with(good, []any{"https://docker.io", "https://ghcr.io"}, "spec", "values", "spegel", "mirroredRegistries")
	const restart = "nodes keep the old mirrors until Spegel restarts: kubectl -n kube-system rollout restart ds/spegel"
	dead := []string{
		"legacy-registries-key: spec.values.spegel.registries: Spegel's chart ignores this key since v0.1.0",
		"empty-mirror-list: spec.values.spegel.mirroredRegistries: not set, so Spegel answers for every registry, the private ...",
	}
	cases := map[string]struct {
		op       admissionv1.Operation
		obj, old *unstructured.Unstructured
		sub      string
		denied   bool
		verdict  string
		warnings []string
	}{
		"a good release may be created":                     {op: admissionv1.Create, obj: good, verdict: "pass"},
		"a bad release may not be created":                  {op: admissionv1.Create, obj: bad, denied: true, verdict: "deny"},
		"an update may not break a release":                 {op: admissionv1.Update, obj: bad, old: good, denied: true, verdict: "deny"},
		"an update may fix a release, and says what is due": {op: admissionv1.Update, obj: good, old: bad, verdict: "pass", warnings: []string{restart}},
		"an update of the list says what is due":            {op: admissionv1.Update, obj: longer, old: good, verdict: "pass", warnings: []string{restart}},
		"an update of metadata alone is silent":             {op: admissionv1.Update, obj: with(good, "x", "metadata", "annotations", "a"), old: good, verdict: "pass"},
		"an update of other values is silent":               {op: admissionv1.Update, obj: with(good, true, "spec", "values", "spegel", "resolveTags"), old: good, verdict: "pass"},
		"an update of metadata of a bad release is denied":  {op: admissionv1.Update, obj: with(bad, "x", "metadata", "annotations", "a"), old: bad, denied: true, verdict: "deny"},
		"a bad release may be suspended":                    {op: admissionv1.Update, obj: suspended, old: bad, verdict: "warn", warnings: dead},
		"a bad release may not be resumed":                  {op: admissionv1.Update, obj: bad, old: suspended, denied: true, verdict: "deny"},
		"an object being deleted is admitted":               {op: admissionv1.Update, obj: deleting, old: bad, verdict: "not-reviewed"},
		"a deletion is admitted":                            {op: admissionv1.Delete, old: bad, verdict: "not-reviewed"},
		"a subresource is admitted":                         {op: admissionv1.Update, obj: bad, old: bad, sub: "status", verdict: "not-reviewed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, newPolicy(t, ""), nil)
			for _, dryRun := range []bool{false, true} {
				req := review(t, c.op, c.obj, c.old)
				req.SubResource, req.DryRun = c.sub, &dryRun
				resp := s.ask(t, req)
				if resp.Allowed == c.denied {
					t.Errorf("dry run %t: allowed is %t\n%+v", dryRun, resp.Allowed, resp.Result)
				}
				if diff := cmp.Diff(c.warnings, resp.Warnings); diff != "" {
					t.Errorf("dry run %t: warnings (-want +got):\n%s", dryRun, diff)
				}
			}
			if diff := cmp.Diff(map[string]float64{"true": 1, "false": 1}, s.count(t, "spegel_guard_reviews_total", "dry_run")); diff != "" {
				t.Errorf("reviews by dry run (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]float64{c.verdict: 2}, s.count(t, "spegel_guard_reviews_total", "verdict")); diff != "" {
				t.Errorf("reviews by verdict (-want +got):\n%s", diff)
			}
			// a dry run leaves no line, an admission leaves none, a denial leaves one
			want := 0
			if c.denied {
				want = 1
			}
			if got := strings.Count(s.logs.String(), "\n"); got != want {
				t.Errorf("%d log lines; want %d:\n%s", got, want, s.logs)
			}
		})
	}
}

// TestWhatInlineValuesDoNotDecide denies where the release itself is written, and warns elsewhere: at a dry run, and where the
// spec stays as it is.
func TestWhatInlineValuesDoNotDecide(t *testing.T) {
	t.Parallel()
	const private, target = "https://registry.example.ts.net", "invalid-mirror-url"
	from := func(u *unstructured.Unstructured, name string) *unstructured.Unstructured {
		return with(u, []any{map[string]any{"kind": "ConfigMap", "name": name}}, "spec", "valuesFrom")
	}
	none := with(object(t, good), map[string]any{}, "spec", "values")
	inConfigMap := from(none, "bad")
	unread := from(none, "missing")
	both := with(inConfigMap, []any{private}, "spec", "values", "spegel", "mirroredRegistries")
	notFound := with(object(t, good), map[string]any{"kind": "OCIRepository", "name": "spegel"}, "spec", "chartRef")
	unstructured.RemoveNestedField(notFound.Object, "spec", "chart")
	label := func(u *unstructured.Unstructured) *unstructured.Unstructured {
		return with(u, "b", "metadata", "labels", "a")
	}
	interval := func(u *unstructured.Unstructured) *unstructured.Unstructured {
		return with(u, "2h", "spec", "interval")
	}
	cases := map[string]struct {
		obj, old       *unstructured.Unstructured
		policy         string
		denied, dryRun string // the rules, or nothing
	}{
		"a bad ConfigMap, at a create":                            {obj: inConfigMap, denied: target},
		"a bad ConfigMap, at a change of the spec":                {obj: inConfigMap, old: interval(inConfigMap), denied: target},
		"a bad ConfigMap, where the spec stays":                   {obj: label(inConfigMap), old: inConfigMap},
		"inline values beside it that are bad, at a create":       {obj: both, denied: "private-registry-mirrored " + target, dryRun: "private-registry-mirrored"},
		"inline values beside it that are bad, as the spec stays": {obj: label(both), old: both, denied: "private-registry-mirrored", dryRun: "private-registry-mirrored"},
		"what can't be read, at a create":                         {obj: unread},
		"what can't be read, denied by policy, at a create":       {obj: unread, policy: "unresolved: deny\n", denied: "unresolved"},
		"what can't be read, denied, at a change of the spec":     {obj: unread, old: interval(unread), policy: "unresolved: deny\n", denied: "unresolved"},
		"what can't be read, denied, where the spec stays":        {obj: label(unread), old: unread, policy: "unresolved: deny\n"},
		"what can't be read, suspended":                           {obj: with(unread, true, "spec", "suspend"), policy: "unresolved: deny\n"},
		"a source that is not there yet, what can't be read denied": {
			obj: notFound, policy: "unresolved: deny\n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, newPolicy(t, c.policy), objects{"bad": "spegel: {mirroredRegistries: [https://docker.io], additionalMirrorTargets: [x]}"})
			op := admissionv1.Create
			if c.old != nil {
				op = admissionv1.Update
			}
			for dryRun, want := range map[bool]string{false: c.denied, true: c.dryRun} {
				req := review(t, op, c.obj, c.old)
				req.DryRun = &dryRun
				resp := s.ask(t, req)
				checkText(t, resp)
				if got := rulesOf(resp); resp.Allowed != (want == "") || got != want {
					t.Errorf("dry run %t: allowed %t, denied for %q; want %q\n%+v", dryRun, resp.Allowed, got, want, resp.Result)
				}
				if resp.Allowed && len(resp.Warnings) == 0 && c.obj != notFound {
					t.Errorf("dry run %t: admitted without a warning", dryRun)
				}
			}
		})
	}
}

// rulesOf names the rules of a denial.
func rulesOf(resp *admissionv1.AdmissionResponse) string {
	var rules []string
	if resp.Result != nil && resp.Result.Details != nil {
		for _, cause := range resp.Result.Details.Causes {
			rules = append(rules, strings.TrimSuffix(cause.Message[strings.LastIndex(cause.Message, "[")+1:], "]"))
		}
	}
	return strings.Join(rules, " ")
}

func TestUnresolvedMayBeDenied(t *testing.T) {
	t.Parallel()
	obj := with(object(t, good), []any{map[string]any{"kind": "Secret", "name": "spegel-values"}}, "spec", "valuesFrom")
	unstructured.RemoveNestedField(obj.Object, "spec", "values")
	const warning = "unresolved: valuesFrom Secret kube-system/spegel-values key values.yaml: not read"

	resp := serve(t, newPolicy(t, ""), nil).ask(t, review(t, admissionv1.Create, obj, nil))
	if !resp.Allowed || !cmp.Equal(resp.Warnings, []string{warning}) {
		t.Errorf("allowed %t, warnings %q", resp.Allowed, resp.Warnings)
	}
	resp = serve(t, newPolicy(t, "unresolved: deny\n"), nil).ask(t, review(t, admissionv1.Create, obj, nil))
	if resp.Allowed || resp.Result.Code != 403 || !strings.Contains(resp.Result.Message, "spegel-values") {
		t.Errorf("allowed %t, result %+v", resp.Allowed, resp.Result)
	}
	suspended := with(obj, true, "spec", "suspend")
	resp = serve(t, newPolicy(t, "unresolved: deny\n"), nil).ask(t, review(t, admissionv1.Create, suspended, nil))
	if !resp.Allowed || !cmp.Equal(resp.Warnings, []string{warning}) {
		t.Errorf("suspended: allowed %t, warnings %q", resp.Allowed, resp.Warnings)
	}
}
