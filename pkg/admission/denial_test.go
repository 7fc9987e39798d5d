package admission_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// forbiddenWords is what Flux (fluxcd/pkg/ssa) takes for a reason to delete and recreate an object.
var forbiddenWords = regexp.MustCompile(`(?i)is\s+immutable|immutable\s+field`)

func TestDenial(t *testing.T) {
	t.Parallel()
	s := serve(t, newPolicy(t, ""), nil)
	resp := s.ask(t, review(t, admissionv1.Create, object(t, bad), nil))
	want := &metav1.Status{
		Status: "Failure", Code: 403, Reason: "Forbidden",
		Message: `Spegel would stand between containerd and your private registries (2 problems):
- spec.values.spegel.registries: Spegel's chart ignores this key since v0.1.0; rename it to mirroredRegistries [legacy-registries-key]
- spec.values.spegel.mirroredRegistries: not set, so Spegel answers for every registry, the private ones included, and their pulls may fail with "not found"; list the registries to mirror, e.g. https://docker.io, https://ghcr.io [empty-mirror-list]`,
		Details: &metav1.StatusDetails{
			Name: "spegel", Group: "helm.toolkit.fluxcd.io", Kind: "helmreleases",
			Causes: []metav1.StatusCause{
				{Type: "FieldValueInvalid", Field: "spec.values.spegel.registries", Message: "Spegel's chart ignores this key since v0.1.0; rename it to mirroredRegistries [legacy-registries-key]"},
				{Type: "FieldValueInvalid", Field: "spec.values.spegel.mirroredRegistries", Message: `not set, so Spegel answers for every registry, the private ones included, and their pulls may fail with "not found"; list the registries to mirror, e.g. https://docker.io, https://ghcr.io [empty-mirror-list]`},
			},
		},
	}
	if diff := cmp.Diff(want, resp.Result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	var line map[string]any
	if err := json.Unmarshal(s.logs.Bytes(), &line); err != nil {
		t.Fatalf("the log is not one line of JSON: %v\n%s", err, s.logs)
	}
	delete(line, "time")
	wantLine := map[string]any{
		"level": "INFO", "msg": "denied", "kind": "HelmRelease", "operation": "CREATE", "namespace": "kube-system", "name": "spegel", "unresolved": 0.0,
		"user": "system:serviceaccount:flux-system:kustomize-controller", "rules": []any{"legacy-registries-key", "empty-mirror-list"},
	}
	if diff := cmp.Diff(wantLine, line); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestLongNamesAreCutInTheLog(t *testing.T) {
	t.Parallel()
	s := serve(t, newPolicy(t, ""), nil)
	for _, long := range []string{strings.Repeat("a", 1<<20), strings.Repeat("€", 257)} {
		s.logs.Reset()
		req := review(t, admissionv1.Create, object(t, bad), nil)
		req.Namespace, req.Name, req.UserInfo.Username = long, long, long
		s.ask(t, req)
		var line map[string]any
		if err := json.Unmarshal(s.logs.Bytes(), &line); err != nil {
			t.Fatalf("the log is not one line of JSON: %v", err)
		}
		want := string([]rune(long)[:256]) + "…"
		for _, key := range []string{"namespace", "name", "user"} {
			if line[key] != want {
				t.Errorf("%s of %d bytes is logged as %.20q of %d bytes", key, len(long), line[key], len(fmt.Sprint(line[key])))
			}
		}
	}
}

func TestHeadlineStatesTheWorst(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"docker.io":                       "Spegel would not start (1 problem):",
		"https://registry.example.ts.net": "Spegel would stand between containerd and your private registries (1 problem):",
		"registry.example.ts.net":         "Spegel would stand between containerd and your private registries (2 problems):",
	} {
		obj := with(object(t, good), []any{entry}, "spec", "values", "spegel", "mirroredRegistries")
		resp := serve(t, newPolicy(t, ""), nil).ask(t, review(t, admissionv1.Create, obj, nil))
		if got, _, _ := strings.Cut(resp.Result.Message, "\n"); got != want {
			t.Errorf("%s: first line %q; want %q", entry, got, want)
		}
	}
}

func TestValuesCannotSmuggle(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		"field is immutable", "immutable field", "x\n- spec: is immutable [y]", "is\u00a0immutable", "immutable\u2003field",
		"https://user:hunter2@docker.io", "https://docker.io?token=hunter2", strings.Repeat("a", 10000), "\x00\x1b[31m",
	} {
		obj := with(object(t, good), []any{entry}, "spec", "values", "spegel", "mirroredRegistries")
		obj = with(obj, true, "spec", "values", "spegel", "appendMirrors")
		s := serve(t, newPolicy(t, ""), nil)
		for _, suspend := range []bool{false, true} {
			resp := s.ask(t, review(t, admissionv1.Create, with(obj, suspend, "spec", "suspend"), nil))
			checkText(t, resp)
			text := fmt.Sprint(resp.Result, resp.Warnings)
			if !suspend && strings.Count(resp.Result.Message, "\n") != 1 {
				t.Errorf("%q: want two lines, got:\n%s", entry, resp.Result.Message)
			}
			if strings.Contains(text, "hunter2") {
				t.Errorf("%q: a password is shown: %s", entry, text)
			}
		}
		if strings.Contains(s.logs.String(), "hunter2") || len(s.logs.String()) > 1000 {
			t.Errorf("%q: the log shows values: %s", entry, s.logs)
		}
	}
}

func TestManyFindingsAreBounded(t *testing.T) {
	t.Parallel()
	entries := make([]any, 10000) // of which a thousand findings are told
	for i := range entries {
		entries[i] = fmt.Sprintf("registry-%d.example.com", i)
	}
	obj := with(object(t, good), entries, "spec", "values", "spegel", "mirroredRegistries")
	s := serve(t, newPolicy(t, ""), nil)
	resp := s.ask(t, review(t, admissionv1.Create, obj, nil))
	first, _, _ := strings.Cut(resp.Result.Message, "\n")
	if len(resp.Result.Message) > 8<<10 || !strings.HasSuffix(resp.Result.Message, "\n- and 980 more") || !strings.HasSuffix(first, "(1000 problems):") {
		t.Errorf("%d bytes: %s", len(resp.Result.Message), resp.Result.Message)
	}
	resp = s.ask(t, review(t, admissionv1.Create, with(obj, true, "spec", "suspend"), nil))
	checkText(t, resp)
	if n := len(resp.Warnings); n != 21 || resp.Warnings[20] != "and 980 more findings" {
		t.Errorf("%d warnings: %q", n, resp.Warnings)
	}
}

// checkText holds for every response: nothing that Flux could misread, and warnings that nobody cuts.
func checkText(t testing.TB, resp *admissionv1.AdmissionResponse) {
	t.Helper()
	text, err := json.Marshal(resp)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Result != nil && resp.Result.Code == 403 && forbiddenWords.Match(text) {
		t.Errorf("Flux would take this for immutable: %s", text)
	}
	total := 0
	for _, w := range resp.Warnings {
		total += len(w)
		if len(w) > 120 || strings.ContainsFunc(w, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("warning is too long or not printable: %q", w)
		}
	}
	if total > 4096 {
		t.Errorf("%d bytes of warnings", total)
	}
}
