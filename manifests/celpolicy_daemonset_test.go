package manifests_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	guard "github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/test/e2e/celpolicy"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// daemonSetPolicyAlone is the component without anything beside it.
const daemonSetPolicyAlone = "components: [../manifests/components/daemonset-policy]"

func newDaemonSetPolicies(t testing.TB) celPolicies {
	t.Helper()
	return daemonSetPolicies(t, daemonSetPolicyAlone)
}

func daemonSetPolicies(t testing.TB, kustomization string) celPolicies {
	t.Helper()
	in := build(t, kustomization, nil)
	return celPolicies{
		denies: newEvaluator(t, the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, "spegel-guard-daemonsets")),
		warns:  newEvaluator(t, the[*admissionregistrationv1.ValidatingAdmissionPolicy](t, in, "spegel-guard-daemonsets-warnings")),
	}
}

// reviewDaemonSet asks the policies as the API server does.
func (p celPolicies) reviewDaemonSet(t *testing.T, c parity.DaemonSet, private ...string) (answer, error) {
	t.Helper()
	ds, old := c.Object("spegel", "kube-system", c.Pod), runtime.Object(nil)
	if c.Old != nil {
		old = c.Object("spegel", "kube-system", c.Old)
	}
	return p.reviewRequest(t.Context(), request("DaemonSet", ds.Namespace, ds.Name, ds, old), private...)
}

// What the corpus wants of the webhook, the policy says too, or the corpus says why not.
func TestDaemonSetPolicySaysWhatTheWebhookSays(t *testing.T) {
	t.Parallel()
	policies := newDaemonSetPolicies(t)
	cases, err := parity.DaemonSets()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			said, err := policies.reviewDaemonSet(t, c, parity.PrivateRegistry)
			if c.CEL != "" {
				if said.denied != "" {
					t.Errorf("denied, while it is said that %s: %s", c.CEL, said.denied)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := c.CheckCEL(said.denied, said.warnings); err != nil {
				t.Errorf("%v\ndenied %q, warnings %q", err, said.denied, said.warnings)
			}
			if rules := slices.Compact(slices.Sorted(celpolicy.RulesOf(said.denied))); c.Verdict == "deny" && !slices.Equal(rules, c.Rules()) {
				t.Errorf("denied for %q, want %q", rules, c.Rules())
			}
			if said.cost > celconfig.RuntimeCELCostBudget/2 {
				t.Errorf("%d of %d cost units", said.cost, celconfig.RuntimeCELCostBudget)
			}
		})
	}
}

// The entries of the rules' own fixtures, as arguments.
func TestDaemonSetPolicyReadsTheFixturesOfTheRules(t *testing.T) {
	t.Parallel()
	policies := newDaemonSetPolicies(t)
	cases, err := celpolicy.Corpus("../pkg")
	if err != nil {
		t.Fatal(err)
	}
	differ, denied := celpolicy.Differences(), 0
	for i, c := range cases {
		if testing.Short() && i%3 > 0 {
			continue
		}
		spec, _ := c.Release["spec"].(map[string]any)
		values, _ := spec["values"].(map[string]any)
		spegel, _ := values["spegel"].(map[string]any)
		entries, _ := spegel["mirroredRegistries"].([]any)
		var list []string
		for _, e := range entries {
			if s, ok := e.(string); ok && !strings.HasPrefix(s, "-") && s != "" {
				list = append(list, s)
			}
		}
		ds := parity.DaemonSet{Pod: parity.ChartPod("v0.7.4", list...)}
		said, err := policies.reviewDaemonSet(t, ds, c.PrivateRegistries...)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		want := webhookDenies(t, ds, c.PrivateRegistries...)
		if _, listed := differ[c.Name]; (said.denied != "") != want && (!listed || !want) {
			t.Errorf("%s, %q: denied %q; the webhook denies it: %t", c.Name, list, said.denied, want)
		}
		if want {
			denied++
		}
	}
	if denied < 15 {
		t.Errorf("%d denied, want many", denied)
	}
}

// webhookDenies has the webhook itself decide.
func webhookDenies(t *testing.T, c parity.DaemonSet, private ...string) bool {
	t.Helper()
	pol, err := policy.Load("", private)
	if err != nil {
		t.Fatal(err)
	}
	raw := func(pod *corev1.PodSpec) (ext runtime.RawExtension) {
		if pod != nil {
			if ext.Raw, err = json.Marshal(c.Object("spegel", "kube-system", pod)); err != nil {
				t.Fatal(err)
			}
		}
		return ext
	}
	req := admissionv1.AdmissionRequest{
		Kind: metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"}, Operation: admissionv1.Create,
		Object: raw(c.Pod), OldObject: raw(c.Old),
	}
	if c.Old != nil {
		req.Operation = admissionv1.Update
	}
	h := &guard.Handler{
		Policy: func() *policy.Policy { return pol }, Metrics: guard.NewMetrics(prometheus.NewRegistry(), time.Now), Log: slog.New(slog.DiscardHandler),
	}
	return !h.Handle(t.Context(), admission.Request{AdmissionRequest: req}).Allowed
}

// Of whatever command line, the policy denies what the webhook denies, and nothing else. It follows fewer variables.
func TestDaemonSetPolicyReadsCommandLines(t *testing.T) {
	t.Parallel()
	policies := newDaemonSetPolicies(t)
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{
		"", "-", "--", "x", "--x", "$(A)", "$(B)", "$(C)", "$$(A)", "$(A", "https://$(A)", "$(D)", "--mirrored-$(A)", "--$(B)", "--router-addr=:5001", "--mirror-targets", "--mirror-targets=http://a",
		"--mirror-registries", "--mirrored-registries", "--mirrored-registries=https://docker.io", "-mirrored-registries", "--mirrored-registriesx", "--registries",
		"https://docker.io", "https://ghcr.io", "https://registry.example.ts.net", "_default", "*", "--containerd-registry-config-path=/a", "--containerd-registry-config-path=/b",
	}
	pick := func(from []string, up int) (line []string) {
		for range r.IntN(up) {
			line = append(line, from[r.IntN(len(from))])
		}
		return line
	}
	ref := corev1.LocalObjectReference{Name: "s"}
	environment := []corev1.EnvVar{
		{Name: "A", Value: "docker.io"}, {Name: "B", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: ref, Key: "k"}}},
		{Name: "C", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.hostIP"}}},
		{Name: "D", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations['d']"}}},
		{Name: "MIRRORED_REGISTRIES", Value: "https://docker.io,_default"}, {Name: "MIRRORED_REGISTRIES", Value: "https://docker.io"}, {Name: "MIRROR_TARGETS", Value: "http://a"},
		{Name: "MIRRORED_REGISTRIES", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: ref, Key: "k"}}},
	}
	pod := func() *corev1.PodSpec {
		spec := &corev1.PodSpec{}
		for i := range 1 + r.IntN(3) {
			sub := []string{"configuration", "registry"}[r.IntN(2)]
			c := corev1.Container{Name: fmt.Sprint("c", i), Args: append([]string{sub}, pick(words, 8)...)}
			if r.IntN(4) == 0 {
				c.Command, c.Args = append([]string{"/spegel"}, c.Args...), pick(words, 3)
			}
			for range r.IntN(3) {
				c.Env = append(c.Env, environment[r.IntN(len(environment))])
			}
			if r.IntN(8) == 0 {
				c.EnvFrom = []corev1.EnvFromSource{{Prefix: "MIRRORED_", SecretRef: &corev1.SecretEnvSource{LocalObjectReference: ref}}}
			}
			if sub == "registry" {
				spec.Containers = append(spec.Containers, c)
			} else {
				spec.InitContainers = append(spec.InitContainers, c)
			}
		}
		return spec
	}
	random, denied := 3000, 0
	if testing.Short() {
		random = 150
	}
	for range random {
		c := parity.DaemonSet{Pod: pod()}
		if r.IntN(3) == 0 {
			c.Old = pod()
		}
		said, err := policies.reviewDaemonSet(t, c, parity.PrivateRegistry)
		if err != nil {
			t.Fatalf("%v\n%+v", err, c)
		}
		want := webhookDenies(t, c, parity.PrivateRegistry)
		text, _ := json.Marshal(c) //nolint:errchkjson // it has no type that can't be marshalled
		if (said.denied != "") != want && (said.denied != "" || !strings.Contains(string(text), "$(")) {
			t.Errorf("denied %q; the webhook denies it: %t\n%s", said.denied, want, text)
		}
		if said.denied != "" {
			denied++
		}
	}
	if denied < random/5 {
		t.Errorf("%d of %d denied, want many", denied, random)
	}
}

func TestDaemonSetPolicyTexts(t *testing.T) {
	t.Parallel()
	policies := newDaemonSetPolicies(t)
	c := parity.DaemonSet{}
	ds := c.Object("spegel", "kube-system", parity.ChartPod("v0.7.4", "https://docker.io", "https://registry.example.ts.net", "ghcr.io"))
	const problems = `: - --mirrored-registries of container configuration: "https://registry.example.ts.net" names a private registry, ` +
		`so containerd asks Spegel first for its images, and their pulls may fail with "not found"; remove the entry [private-registry-mirrored]` +
		` - --mirrored-registries of container configuration: "ghcr.io" has no scheme http or https, so Spegel does not start; ` +
		`write scheme and host only, e.g. https://docker.io [invalid-mirror-url]`
	for owner, set := range map[string]func(){
		"":                                      func() {},
		" of Helm release kube-system/mirror":   func() { ds.Annotations = owned("meta.helm.sh/release-", "mirror") },
		" of HelmRelease kube-system/apps-here": func() { ds.Labels = owned("helm.toolkit.fluxcd.io/", "apps-here") },
	} {
		ds.Labels, ds.Annotations = nil, nil
		set()
		said, err := policies.reviewRequest(t.Context(), request("DaemonSet", ds.Namespace, ds.Name, ds, nil), parity.PrivateRegistry)
		want := "Spegel would stand between containerd and your private registries (2 problems) in DaemonSet kube-system/spegel" + owner + problems
		if err != nil || said.denied != want {
			t.Errorf("%v\n got %s\nwant %s", err, said.denied, want)
		}
	}
	ds.Annotations = owned("meta.helm.sh/release-", "is immutable")
	ds.Spec.Template.Spec.InitContainers[0].Env = []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "is immutable"}, Key: "k"},
	}}}
	ds.Spec.Template.Spec.InitContainers[0].Args = parity.ChartPod("v0.7.4", "$(X)", "https://u:hunter2@x", "field is immutable", "_default").InitContainers[0].Args
	said, err := policies.reviewRequest(t.Context(), request("DaemonSet", ds.Namespace, ds.Name, ds, nil), parity.PrivateRegistry)
	text := said.denied + strings.Join(said.warnings, " ")
	if err != nil || said.denied == "" || immutable.MatchString(text) || strings.Contains(text, "hunter2") || !strings.Contains(text, "depends on another object, which is not read [unresolved]") {
		t.Errorf("%v: %s", err, text)
	}
}

func owned(prefix, name string) map[string]string {
	return map[string]string{prefix + "name": name, prefix + "namespace": "kube-system"}
}

// A long list of bad entries that was there before, and one of many private registries, stay below what the API server grants.
func TestDaemonSetPolicyStaysWithinItsBudget(t *testing.T) {
	t.Parallel()
	policies := newDaemonSetPolicies(t)
	entries := []string{"HTTPS://" + strings.Repeat("x", 250) + "%d", "https://mirror%d.example.com", "mirror%d.example.com/library", "https://mirror%d.internal49.example.com:8443"}
	if testing.Short() {
		entries = entries[:1] // the most expensive
	}
	for _, entry := range entries {
		var list, private []string
		for i := range 250 {
			list = append(list, fmt.Sprintf(entry, i))
		}
		for i := range 50 {
			private = append(private, fmt.Sprintf("harbor%d.example.com:8443", i), fmt.Sprintf("*.internal%d.example.com", i))
		}
		c := parity.DaemonSet{Pod: parity.ChartPod("v0.7.4", list...), Old: parity.ChartPod("v0.7.4", slices.Clone(list)...)}
		c.Pod.NodeName = "restarted"
		for _, old := range []*corev1.PodSpec{nil, c.Old} {
			c.Old = old
			said, err := policies.reviewDaemonSet(t, c, private...)
			if err != nil || said.cost > celconfig.RuntimeCELCostBudget*3/4 {
				t.Errorf("%s, an update: %t: %d of %d cost units, %v", entry, old != nil, said.cost, celconfig.RuntimeCELCostBudget, err)
			}
		}
	}
}

// BenchmarkDaemonSetPolicy is what the API server spends on a change of a good DaemonSet of Spegel.
func BenchmarkDaemonSetPolicy(b *testing.B) {
	policies := newDaemonSetPolicies(b)
	list := []string{"https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io"}
	ds := parity.DaemonSet{}.Object("spegel", "kube-system", parity.ChartPod("v0.7.4", list...))
	b.ReportAllocs()
	for b.Loop() {
		if said, err := policies.reviewRequest(b.Context(), request("DaemonSet", ds.Namespace, ds.Name, ds, nil), "registry.example.ts.net", "*.internal.example.com"); err != nil || said.denied != "" {
			b.Fatal(said, err)
		}
	}
}
