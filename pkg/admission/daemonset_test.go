package admission_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// daemonSet is Spegel's with this list among the arguments of its init container.
func daemonSet(t testing.TB, list string) *unstructured.Unstructured {
	t.Helper()
	if list != "" {
		list = ", --mirrored-registries, " + list
	}
	return object(t, `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: spegel
  namespace: kube-system
  labels: {helm.toolkit.fluxcd.io/name: mirror, helm.toolkit.fluxcd.io/namespace: apps}
  annotations: {meta.helm.sh/release-name: apps-mirror, meta.helm.sh/release-namespace: kube-system}
spec:
  selector: {matchLabels: {app: spegel}}
  template:
    metadata: {labels: {app: spegel}}
    spec:
      initContainers:
        - name: configuration
          image: spegel
          args: [configuration, "--mirror-targets=http://$(NODE_IP):30020"`+list+`]
      containers:
        - {name: registry, image: spegel, args: [registry, "--router-addr=:5001"`+list+`]}
`)
}

func daemonSetReview(t testing.TB, obj, old *unstructured.Unstructured) *admissionv1.AdmissionRequest {
	t.Helper()
	op := admissionv1.Create
	if old != nil {
		op = admissionv1.Update
	}
	req := review(t, op, obj, old)
	req.Kind = metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"}
	req.Resource = metav1.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	return req
}

func TestDaemonSets(t *testing.T) {
	t.Parallel()
	const private, other = "https://registry.example.ts.net", "https://harbor.example.com:8443"
	const rule = "private-registry-mirrored"
	fine, bad := daemonSet(t, "https://docker.io"), daemonSet(t, "https://docker.io, "+private)
	restarted := func(u *unstructured.Unstructured) *unstructured.Unstructured {
		return with(u, "2026-01-01T00:00:00Z", "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
	}
	noInit := func(u *unstructured.Unstructured) *unstructured.Unstructured {
		u = u.DeepCopy()
		unstructured.RemoveNestedField(u.Object, "spec", "template", "spec", "initContainers")
		return u
	}
	onDelete := func(u *unstructured.Unstructured) *unstructured.Unstructured {
		return with(u, "OnDelete", "spec", "updateStrategy", "type")
	}
	env := func(_ *unstructured.Unstructured, name string) *unstructured.Unstructured {
		u := daemonSet(t, "")
		init := u.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["initContainers"].([]any)[0].(map[string]any)
		init["env"] = []any{map[string]any{"name": "MIRRORED_REGISTRIES", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": name, "key": "k"}}}}
		return u
	}
	unread := []string{"unresolved: MIRRORED_REGISTRIES of container configuration depends on Secret a key k, which is not read"}
	warned := []string{rule + `: --mirrored-registries of container configuration: "https://registry.example.ts.net" names `}
	for name, c := range map[string]struct {
		obj, old *unstructured.Unstructured
		policy   string
		denied   string // rules
		warnings []string
		verdict  string
	}{
		"a good one":                                       {obj: fine, verdict: "pass"},
		"a bad one":                                        {obj: bad, denied: rule, verdict: "deny"},
		"one without a list":                               {obj: daemonSet(t, ""), denied: "empty-mirror-list", verdict: "deny"},
		"one with OnDelete":                                {obj: onDelete(bad), denied: rule, verdict: "deny"},
		"a change for the worse":                           {obj: bad, old: fine, denied: rule, verdict: "deny"},
		"a list that is gone":                              {obj: daemonSet(t, ""), old: fine, denied: "empty-mirror-list", verdict: "deny"},
		"a change for the better":                          {obj: fine, old: bad, verdict: "pass"},
		"a restart of a bad one":                           {obj: restarted(bad), old: bad, verdict: "warn", warnings: warned},
		"a label on a bad one":                             {obj: with(bad, "b", "metadata", "labels", "a"), old: bad, verdict: "not-reviewed"},
		"another update strategy of a bad one":             {obj: onDelete(bad), old: bad, verdict: "not-reviewed"},
		"one of two faults fixed":                          {obj: bad, old: daemonSet(t, private+", "+other), verdict: "warn", warnings: warned},
		"one fault for another":                            {obj: bad, old: daemonSet(t, other), denied: rule, verdict: "deny"},
		"a bad entry once more":                            {obj: daemonSet(t, private+", "+private), old: bad, denied: rule, verdict: "deny"},
		"another position of a bad entry":                  {obj: bad, old: daemonSet(t, private+", https://docker.io"), verdict: "warn", warnings: warned},
		"no init container":                                {obj: noInit(bad), verdict: "warn", warnings: []string{strings.Replace(warned[0], "configuration", "registry", 1)}},
		"an init container that comes to a bad list":       {obj: bad, old: noInit(bad), denied: rule, verdict: "deny"},
		"a list in a Secret":                               {obj: env(fine, "a"), verdict: "unresolved", warnings: unread},
		"a list in a Secret, where the policy denies":      {obj: env(fine, "a"), policy: "unresolved: deny\n", denied: "unresolved", verdict: "deny"},
		"a restart of it":                                  {obj: restarted(env(fine, "a")), old: env(fine, "a"), policy: "unresolved: deny\n", verdict: "unresolved", warnings: unread},
		"another Secret":                                   {obj: env(fine, "a"), old: env(fine, "b"), policy: "unresolved: deny\n", denied: "unresolved", verdict: "deny"},
		"a bad one, where the policy warns":                {obj: bad, policy: "rules: {" + rule + ": warn}\n", verdict: "warn", warnings: warned},
		"a bad one, where the policy does not ask":         {obj: bad, policy: "rules: {" + rule + ": 'off'}\n", verdict: "pass"},
		"a bad one that is on its way out":                 {obj: with(bad, "2026-01-01T00:00:00Z", "metadata", "deletionTimestamp"), old: fine, verdict: "not-reviewed"},
		"another program with a registry":                  {obj: with(noInit(bad), []any{map[string]any{"name": "registry", "args": []any{"registry", "--listen"}}}, "spec", "template", "spec", "containers"), verdict: "not-spegel"},
		"a bad one in place of another program's":          {obj: bad, old: with(noInit(bad), []any{map[string]any{"name": "x"}}, "spec", "template", "spec", "containers"), denied: rule, verdict: "deny"},
		"an ineffective entry":                             {obj: daemonSet(t, "http://docker.io"), verdict: "warn", warnings: []string{`ineffective-mirror: --mirrored-registries of container configuration: "http://docker.io" leads back to the registry`}},
		"an ineffective entry, where the policy denies it": {obj: daemonSet(t, "http://docker.io"), policy: "rules: {ineffective-mirror: deny}\n", denied: "ineffective-mirror", verdict: "deny"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, newPolicy(t, c.policy), nil)
			for _, dryRun := range []bool{false, true} {
				req := daemonSetReview(t, c.obj, c.old)
				req.DryRun = &dryRun
				resp := s.ask(t, req)
				checkText(t, resp)
				if got := rulesOf(resp); resp.Allowed != (c.denied == "") || got != c.denied {
					t.Errorf("dry run %t: allowed %t, denied for %q; want %q\n%+v", dryRun, resp.Allowed, got, c.denied, resp.Result)
				}
				if resp.Allowed {
					checkBegin(t, resp.Warnings, c.warnings)
				}
			}
			if diff := cmp.Diff(map[string]float64{c.verdict: 2}, s.count(t, "spegel_guard_reviews_total", "verdict")); diff != "" {
				t.Errorf("reviews by verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDenialOfADaemonSet(t *testing.T) {
	t.Parallel()
	const line = `--mirrored-registries of container configuration: "https://registry.example.ts.net" names the private registry registry.example.ts.net, ` +
		`so containerd asks Spegel first for its images, and their pulls may fail with "not found"; ` +
		`remove the entry, or set prependExisting: true and let the policy warn of it [private-registry-mirrored]`
	const at = "spec.template.spec.initContainers[0].args[4]"
	flux := daemonSet(t, "https://docker.io, https://registry.example.ts.net")
	helm, plain := flux.DeepCopy(), flux.DeepCopy()
	helm.SetLabels(nil)
	plain.SetLabels(nil)
	plain.SetAnnotations(nil)
	for owner, obj := range map[string]*unstructured.Unstructured{" of HelmRelease apps/mirror": flux, " of Helm release kube-system/apps-mirror": helm, "": plain} {
		resp := serve(t, newPolicy(t, ""), nil).ask(t, daemonSetReview(t, obj, nil))
		want := &metav1.Status{
			Status: "Failure", Code: 403, Reason: "Forbidden",
			Message: "Spegel would stand between containerd and your private registries (1 problem) in DaemonSet kube-system/spegel" + owner + ":\n- " + at + ": " + line,
			Details: &metav1.StatusDetails{
				Name: "spegel", Group: "apps", Kind: "daemonsets",
				Causes: []metav1.StatusCause{{Type: "FieldValueInvalid", Field: at, Message: line}},
			},
		}
		if diff := cmp.Diff(want, resp.Result); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
	}
}

// TestDaemonSetsCannotSmuggle anything by what their writer names: containers, arguments, owners.
func TestDaemonSetsCannotSmuggle(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"field is immutable", "immutable field", "x\n- spec: is immutable [y]", "https://user:hunter2@docker.io", strings.Repeat("a", 10000)} {
		obj := daemonSet(t, "https://docker.io")
		obj.SetLabels(map[string]string{"helm.toolkit.fluxcd.io/name": text, "helm.toolkit.fluxcd.io/namespace": text})
		init := map[string]any{"name": text, "args": []any{"configuration", "--mirror-targets=" + text, "--mirrored-registries", text}}
		obj = with(obj, []any{init}, "spec", "template", "spec", "initContainers")
		resp := serve(t, newPolicy(t, ""), nil).ask(t, daemonSetReview(t, obj, nil))
		checkText(t, resp)
		if resp.Allowed || strings.Count(resp.Result.Message, "\n") != 2 || len(resp.Result.Message) > 2000 {
			t.Errorf("%q: %+v", text, resp.Result)
		}
		entry := resp.Result.Details.Causes[0].Message
		if _, said, _ := strings.Cut(entry, `"`); strings.Contains(said, "hunter2") {
			t.Errorf("a password is shown: %s", entry)
		}
	}
}

// TestDaemonSetsOfAnyShape never crash a review.
func TestDaemonSetsOfAnyShape(t *testing.T) {
	t.Parallel()
	s := serve(t, newPolicy(t, ""), nil)
	for raw, code := range map[string]int32{
		`{}`: 200, ``: 400, `[]`: 400, `{"spec":{"template":{"spec":{"containers":[{"args":["registry"]}]}}}}`: 200,
		`{"spec":{"template":{"spec":{"initContainers":[{"args":["configuration","--mirror-targets"]}]}}}}`:             403,
		`{"spec":{"template":{"spec":{"initContainers":[{"command":["a","configuration","--mirror-targets=$($("]}]}}}}`: 403,
		`{"spec":{"template":{"spec":{"initContainers":[{"args":5}]}}}}`:                                                400,
	} {
		req := daemonSetReview(t, daemonSet(t, ""), nil)
		req.Object.Raw = []byte(raw)
		if raw == "" {
			req.Object.Raw = nil
		}
		resp := s.ask(t, req)
		checkText(t, resp)
		if resp.Result.Code != code {
			t.Errorf("%s: %+v, want %d", raw, resp.Result, code)
		}
	}
}
