package audit_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestParity audits the corpus that the webhook and check judge, each case in the cluster by itself and with the
// rights of the component. What runs of a release is left out: nothing does.
func TestParity(t *testing.T) {
	cases, err := parity.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("the corpus is empty")
	}
	c, err := client.New(shared.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "flux-system"}}}
	if err := c.Create(t.Context(), ns); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			for _, obj := range append([]*unstructured.Unstructured{tc.Release}, tc.Objects...) {
				obj := obj.DeepCopy()
				if err := c.Create(t.Context(), obj); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := c.Delete(context.WithoutCancel(t.Context()), obj); err != nil {
						t.Error(err)
					}
				})
			}
			args := []string{"audit", "-o", "json"}
			for _, r := range tc.PrivateRegistries {
				args = append(args, "--private-registry="+r)
			}
			if tc.UnresolvedPolicy != "" {
				args = append(args, "--unresolved="+tc.UnresolvedPolicy)
			}
			r := webhook(t, args...)
			var rep report.Report
			if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
				t.Fatalf("%v: %+v", err, r)
			}
			verdict, findings, unresolved := judged(t, &rep)
			if tc.Name == "missing-optional-on-create" { // the release is there, so what is optional and missing is empty
				if verdict != "deny" || len(unresolved) > 0 {
					t.Errorf("verdict %s, unresolved %v", verdict, unresolved)
				}
				return
			}
			if verdict != tc.Verdict || (verdict == "deny") != (r.code == 1) {
				t.Errorf("verdict %s with exit code %d; want %s", verdict, r.code, tc.Verdict)
			}
			if diff := cmp.Diff(tc.Findings, findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.Unresolved, unresolved); diff != "" {
				t.Errorf("unresolved (-want +got):\n%s", diff)
			}
		})
	}
}

// judged is what the webhook's verdict is made of, in its order: what denies comes first.
func judged(t *testing.T, rep *report.Report) (verdict string, findings []parity.Finding, unresolved []string) {
	t.Helper()
	if len(rep.Releases) == 0 {
		return "not-spegel", nil, nil
	}
	if len(rep.Releases) > 1 {
		t.Fatalf("%d releases; want one", len(rep.Releases))
	}
	rel := rep.Releases[0]
	slices.SortStableFunc(rel.Findings, func(a, b report.Finding) int { return strings.Compare(string(a.Severity), string(b.Severity)) })
	deny := rel.Verdict == report.VerdictDeny
	for _, f := range rel.Findings {
		deny = deny || f.Severity == validate.Deny
		findings = append(findings, parity.Finding{Rule: f.Rule, Field: f.Path})
	}
	for _, u := range rel.Unresolved {
		unresolved = append(unresolved, u.Kind+" "+u.Namespace+"/"+u.Name)
	}
	slices.Sort(unresolved)
	switch {
	case deny:
		verdict = "deny"
	case len(findings) > 0:
		verdict = "warn"
	case len(unresolved) > 0:
		verdict = "unresolved"
	default:
		verdict = "pass"
	}
	return verdict, findings, unresolved
}

// TestPages: more releases than a page holds are all looked at, and no list is asked for as a whole.
func TestPages(t *testing.T) {
	c, err := client.New(shared.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, "", "create", "namespace", "pages")
	t.Cleanup(func() { tidyUp(t, []string{"pages"}) })
	for i := range 230 {
		u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"interval": "1h", "chart": map[string]any{"spec": map[string]any{"chart": "podinfo", "sourceRef": map[string]any{"kind": "HelmRepository", "name": "charts"}}},
		}}}
		u.SetAPIVersion("helm.toolkit.fluxcd.io/v2")
		u.SetKind("HelmRelease")
		u.SetNamespace("pages")
		u.SetName("release-" + string(rune('a'+i/26)) + string(rune('a'+i%26)))
		if i%100 == 7 {
			_ = unstructured.SetNestedField(u.Object, "spegel", "spec", "chart", "spec", "chart")
		}
		if err := c.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	before, err := shared.AuditEvents()
	if err != nil {
		t.Fatal(err)
	}
	r := webhook(t, "audit", "--private-registry=registry.example.ts.net")
	if r.code != 1 || !strings.HasSuffix(r.stdout, "3 releases of Spegel: 3 denied\n") {
		t.Errorf("%+v", r)
	}
	after, err := shared.AuditEvents()
	if err != nil {
		t.Fatal(err)
	}
	lists := 0
	for _, e := range after[len(before):] {
		if e.User.Username == auditor && e.ObjectRef.Resource == "helmreleases" {
			lists++
			if !strings.Contains(e.RequestURI, "limit=100") {
				t.Errorf("a list without a limit: %s", e.RequestURI)
			}
		}
	}
	if lists != 3 {
		t.Errorf("%d pages; want 3", lists)
	}
}
