package parity

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

//go:embed daemonsets.yaml
var daemonSets []byte

// PrivateRegistry is that of the DaemonSets.
const PrivateRegistry = "registry.example.ts.net"

// DaemonSet is one with its expected verdict.
type DaemonSet struct {
	Name string `json:"name"`
	// Pod is what its template says, Old what it said before an update; nil for a creation.
	Pod *corev1.PodSpec `json:"pod"`
	Old *corev1.PodSpec `json:"old,omitempty"`
	// Verdict is deny, warn, unresolved, pass or not-spegel.
	Verdict  string    `json:"verdict"`
	Findings []Finding `json:"findings,omitempty"`
	// Before is how many findings, the first of them, an update does not add: it is warned of them, and they are not denied.
	Before int `json:"before,omitempty"`
	// Unresolved are FIELD: KIND NAME.
	Unresolved []string `json:"unresolved,omitempty"`
	// CEL is why the CEL policy admits what is denied; empty if it does not.
	CEL string `json:"cel,omitempty"`
}

// DaemonSets is the corpus of them: the one written down, that of the charts, and long ones. An error names the case.
func DaemonSets() ([]DaemonSet, error) {
	var cases []DaemonSet
	if err := yaml.UnmarshalStrict(daemonSets, &cases); err != nil {
		return nil, fmt.Errorf("daemonsets.yaml: %w", err)
	}
	for i, c := range cases {
		if c.Pod == nil || slices.ContainsFunc(cases[:i], func(other DaemonSet) bool { return other.Name == c.Name }) {
			return nil, fmt.Errorf("daemonsets.yaml: %q has no pod, or is there twice", c.Name)
		}
	}
	return slices.Concat(cases, ofCharts(), long()), nil
}

// Charts are what the init container of a chart is told, with LIST in place of the list.
func Charts() map[string]string {
	const dir = "configuration --log-level=INFO --containerd-registry-config-path=/etc/containerd/certs.d LIST "
	return map[string]string{
		"v0.0.28": dir + "--mirror-registries http://$(NODE_IP):30020 http://$(NODE_IP):30021 --resolve-tags=true --append-mirrors=false",
		"v0.1.0":  dir + "--mirror-targets http://$(NODE_IP):30020 http://$(NODE_IP):30021 --resolve-tags=true --prepend-existing=false",
		"v0.4.0":  dir + "--mirror-targets http://$(NODE_IP):30020 --resolve-tags=true --prepend-existing=false",
		"v0.7.4": "configuration --log-level=INFO --containerd-registry-config-path=/etc/cri/conf.d/hosts LIST " +
			"--mirror-targets http://$(NODE_IP):29999 --resolve-tags=true --prepend-existing=false",
	}
}

// ChartPod is a pod as a chart makes it, with this list.
func ChartPod(chart string, list ...string) *corev1.PodSpec {
	if flag := map[bool]string{true: "--registries", false: "--mirrored-registries"}[chart == "v0.0.28"]; len(list) > 0 {
		list = append([]string{flag}, list...)
	}
	var args []string
	for arg := range strings.FieldsSeq(Charts()[chart]) {
		if arg == "LIST" {
			args = append(args, list...)
		} else {
			args = append(args, arg)
		}
	}
	node := corev1.EnvVar{Name: "NODE_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.hostIP"}}}
	return &corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "configuration", Args: args, Env: []corev1.EnvVar{node}}},
		Containers:     []corev1.Container{{Name: "registry", Args: append([]string{"registry", "--router-addr=:5001"}, list...)}},
	}
}

func ofCharts() (cases []DaemonSet) {
	const docker = "https://docker.io"
	for chart := range Charts() {
		old := chart == "v0.0.28"
		choose := func(ifOld, otherwise string) string {
			if old {
				return ifOld
			}
			return otherwise
		}
		for entry, rule := range map[string]string{
			docker: "", "https://" + PrivateRegistry: "private-registry-mirrored", "_default": choose("invalid-mirror-url", "wildcard-mirror"),
			"https://ghcr.io/": "invalid-mirror-url", "": choose("invalid-mirror-url", "empty-mirror-list"),
		} {
			c := DaemonSet{Name: "chart " + chart + " with " + entry, Verdict: "pass", Pod: ChartPod(chart, docker, entry)}
			at := "spec.template.spec.initContainers[0].args[5]"
			if entry == "" {
				c.Pod, at = ChartPod(chart), "spec.template.spec.initContainers[0].args"
			}
			if rule != "" {
				c.Verdict, c.Findings = "deny", []Finding{{rule, at}}
			}
			cases = append(cases, c)
		}
	}
	slices.SortFunc(cases, func(a, b DaemonSet) int { return strings.Compare(a.Name, b.Name) })
	return cases
}

// long are lists of ten thousand entries, and a mebibyte of arguments.
func long() []DaemonSet {
	entries := make([]string, 0, 10_001)
	for i := range 10_000 {
		entries = append(entries, fmt.Sprintf("https://r%d.example.com", i))
	}
	with := func(last ...string) *corev1.PodSpec {
		return ChartPod("v0.7.4", append(slices.Clip(entries), last...)...)
	}
	found := func(rule string) []Finding {
		return []Finding{{rule, "spec.template.spec.initContainers[0].args[10004]"}}
	}
	mebibyte := ChartPod("v0.7.4", "https://docker.io", "_default")
	mebibyte.InitContainers[0].Args = append(mebibyte.InitContainers[0].Args, strings.Split(strings.Repeat("--a=bcde,", 1<<17), ",")...)
	mebibyte.Containers[0].Args = nil
	return []DaemonSet{
		{Name: "ten thousand entries", Pod: with(), Verdict: "pass"},
		{Name: "ten thousand entries and a wildcard", Pod: with("_default"), Verdict: "deny", Findings: found("wildcard-mirror")},
		{
			Name: "ten thousand entries and a private registry", Pod: with("https://" + PrivateRegistry), Verdict: "deny",
			Findings: found("private-registry-mirrored"), CEL: "of a list of more than 250 entries it looks only for wildcards",
		},
		{
			Name: "a mebibyte of arguments", Pod: mebibyte, Verdict: "deny", CEL: "it costs more than the API server grants",
			Findings: []Finding{{"wildcard-mirror", "spec.template.spec.initContainers[0].args[5]"}},
		},
	}
}

// Object is a DaemonSet that the API server accepts, with this template.
func (c DaemonSet) Object(name, namespace string, pod *corev1.PodSpec) *appsv1.DaemonSet {
	labels := map[string]string{"app": name}
	ds := &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: *pod.DeepCopy()},
		},
	}
	for _, containers := range [][]corev1.Container{ds.Spec.Template.Spec.InitContainers, ds.Spec.Template.Spec.Containers} {
		for i := range containers {
			containers[i].Image = "ghcr.io/spegel-org/spegel"
		}
	}
	return ds
}

// Denied are the findings of a denial.
func (c DaemonSet) Denied() []Finding { return c.Findings[c.Before:] }

// Rules are those of the findings, sorted, each once.
func (c DaemonSet) Rules() (rules []string) {
	for _, f := range c.Findings {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// CheckCEL compares what the CEL policies say with what is wanted. Two bindings deny, and the API server shows what the first of them says:
// so a denial may name some of the rules.
func (c DaemonSet) CheckCEL(denial string, warnings []string) error {
	text := strings.Join(warnings, " - ")
	if c.Verdict == "deny" {
		text = denial
	}
	var named []string
	for line := range strings.SplitSeq(text+" - ", "] - ") {
		if rule := ruleOf(line); rule != line && rule != "unresolved" {
			named = append(named, rule)
		}
	}
	slices.Sort(named)
	named = slices.Compact(named)
	others := slices.DeleteFunc(slices.Clone(named), func(rule string) bool { return slices.Contains(c.Rules(), rule) })
	switch {
	case (denial != "") != (c.Verdict == "deny"):
		return fmt.Errorf("denied is %t; want %s", denial != "", c.Verdict)
	case len(others) > 0 || (len(named) == 0) != (len(c.Findings) == 0):
		return fmt.Errorf("rules %q; want %q", named, c.Rules())
	case strings.Contains(strings.Join(warnings, "\n"), "[unresolved]") != (len(c.Unresolved) > 0):
		return fmt.Errorf("want as unresolved %q", c.Unresolved)
	}
	return nil
}
