package fluxrepo_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestParity judges the corpus that the webhook is tested with. There Secrets may not be read; here they
// are encrypted, which comes to the same.
func TestParity(t *testing.T) {
	t.Parallel()
	cases, err := parity.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("the corpus is empty")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			pol, err := c.Policy()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			writeObjects(t, filepath.Join(dir, "release.yaml"), c.Release)
			writeObjects(t, filepath.Join(dir, "objects.yaml"), c.Objects...)
			res, err := fluxrepo.Check(t.Context(), fluxrepo.Options{Paths: []string{dir}, Charts: pol.Charts, Policy: pol.Policy})
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Errors) > 0 {
				t.Fatalf("errors: %+v", res.Errors)
			}
			verdict, findings, unresolved := judged(t, res, pol)
			if verdict != c.Verdict {
				t.Errorf("verdict %s; want %s", verdict, c.Verdict)
			}
			if diff := cmp.Diff(c.Findings, findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.Unresolved, unresolved); diff != "" {
				t.Errorf("unresolved (-want +got):\n%s", diff)
			}
		})
	}
}

// judged is what the webhook's verdict is made of, in its order: what denies comes first.
func judged(t *testing.T, res *fluxrepo.Result, pol *policy.Policy) (verdict string, denied []parity.Finding, unresolved []string) {
	t.Helper()
	if len(res.Releases) == 0 {
		return "not-spegel", nil, nil
	}
	if len(res.Releases) > 1 {
		t.Fatalf("%d releases; want one", len(res.Releases))
	}
	rel := res.Releases[0]
	var warned []parity.Finding
	for _, f := range rel.Findings {
		if got := (parity.Finding{Rule: f.Rule, Field: f.Field()}); f.Severity == validate.Deny && !rel.Suspended {
			denied = append(denied, got)
		} else {
			warned = append(warned, got)
		}
	}
	deniable := false
	for _, u := range rel.Unresolved {
		deniable = deniable || !u.Source
		unresolved = append(unresolved, u.Kind+" "+u.Namespace+"/"+u.Name)
	}
	slices.Sort(unresolved)
	switch {
	case len(denied) > 0 || deniable && pol.Unresolved == policy.UnresolvedDeny && !rel.Suspended:
		verdict = "deny"
	case len(warned) > 0:
		verdict = "warn"
	case len(unresolved) > 0:
		verdict = "unresolved"
	default:
		verdict = "pass"
	}
	return verdict, append(denied, warned...), unresolved
}

func writeObjects(t *testing.T, name string, objects ...*unstructured.Unstructured) {
	t.Helper()
	var b strings.Builder
	for _, o := range objects {
		if o.GetKind() == "Secret" {
			o = o.DeepCopy()
			for _, field := range []string{"data", "stringData"} {
				values, _, _ := unstructured.NestedMap(o.Object, field)
				for key := range values {
					values[key] = "ENC[AES256_GCM,data:Zm9v,iv:Zm9v,tag:Zm9v,type:str]"
				}
				if values != nil {
					o.Object[field] = values
				}
			}
			o.Object["sops"] = map[string]any{"mac": "ENC[AES256_GCM,data:Zm9v,iv:Zm9v,tag:Zm9v,type:str]"}
		}
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
