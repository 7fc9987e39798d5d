package fluxrepo_test

import (
	"strings"
	"testing"
)

// TestUnknownFields checks variables without a value in other fields than the values.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	const (
		head  = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spegel, namespace: kube-system}\nspec:\n"
		chart = "  chart: {spec: {chart: spegel}}\n"
		cm    = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: kube-system}\ndata: {values.yaml: 'spegel: {mirroredRegistries: [\"https://docker.io\"]}', k: '${K}'}\n"
		deny  = "deny empty-mirror-list"
	)
	for name, c := range map[string]struct {
		text    string
		want    []string
		without string
	}{
		"the chart's version":    {head + "  chart: {spec: {chart: spegel, version: '${V}'}}\n", []string{deny}, "unresolved"},
		"the chart's name":       {head + "  chart: {spec: {chart: '${V}'}}\n", []string{"unresolved Variable /V : ${V} has no value"}, "deny"},
		"a part of its name":     {head + "  chart: {spec: {chart: 'charts/${V}gel'}}\n", []string{"${V} has no value"}, "deny"},
		"what its name ends in":  {head + "  chart: {spec: {chart: 'charts/spegel-${V}.tgz'}}\n", []string{"${V} has no value"}, "deny"},
		"what its path is":       {head + "  chart: {spec: {chart: '${V}/spegel'}}\n", []string{deny}, "unresolved"},
		"part of another's name": {head + "  chart: {spec: {chart: '${V}-exporter', sourceRef: {kind: HelmRepository, name: x}}}\n", nil, "spegel"},
		"the chart":              {head + "  chart: ${V}\n", []string{"${V} has no value"}, "deny"},
		"the chart's spec":       {head + "  chart: {spec: '${V}'}\n", []string{"${V} has no value"}, "deny"},
		"the reference":          {head + "  chartRef: ${V}\n", []string{"${V} has no value"}, "deny"},
		"where it comes from":    {head + "  chart: {spec: {chart: spegel, sourceRef: '${V}'}}\n", []string{"${V} has no value"}, "deny"},
		"its values files":       {head + "  chart: {spec: {chart: spegel, valuesFiles: '${V}'}}\n", []string{"${V} has no value"}, "deny"},
		"its tag":                {head + "  chart: {spec: {chart: spegel, ref: {tag: '${V}'}}}\n", []string{deny}, "unresolved"},
		"the interval":           {head + chart + "  interval: ${V}\n", []string{deny}, "unresolved"},
		"suspend":                {head + chart + "  suspend: ${V}\n", []string{"${V} has no value"}, "deny"},
		"all of valuesFrom":      {head + chart + "  valuesFrom: ${V}\n", []string{"${V} has no value"}, "deny"},
		"an item of valuesFrom":  {head + chart + "  valuesFrom: ['${V}']\n", []string{"${V} has no value"}, "deny"},
		"a kind":                 {head + chart + "  valuesFrom: [{kind: '${V}', name: v}]\n" + cm, []string{"${V} has no value"}, "deny"},
		"a name":                 {head + chart + "  valuesFrom: [{kind: ConfigMap, name: 'x-${V}'}]\n" + cm, []string{"unresolved ConfigMap kube-system/x-${V} values.yaml: not in"}, "deny"},
		"an optional name":       {head + chart + "  valuesFrom: [{kind: ConfigMap, name: '${V}', optional: true}]\n" + cm, []string{"unresolved ConfigMap kube-system/${V}"}, "deny"},
		"a key":                  {head + chart + "  valuesFrom: [{kind: ConfigMap, name: v, valuesKey: '${V}'}]\n" + cm, []string{"unresolved ConfigMap kube-system/v ${V}: has no such key"}, "deny"},
		"a target path":          {head + chart + "  valuesFrom: [{kind: ConfigMap, name: v, valuesKey: k, targetPath: 'x.${V}'}]\n" + cm, []string{"${V} has no value"}, "deny"},
		"what goes to a path":    {head + chart + "  valuesFrom: [{kind: ConfigMap, name: v, valuesKey: k, targetPath: 'spegel.mirroredRegistries'}]\n" + cm, []string{"unresolved Variable /K : ${K} has no value"}, "deny"},
		"what goes to another":   {head + chart + "  valuesFrom: [{kind: ConfigMap, name: v, valuesKey: k, targetPath: 'ingress.host'}]\n" + cm, []string{deny}, "unresolved"},
		"whether it is optional": {head + chart + "  valuesFrom: [{kind: ConfigMap, name: v, optional: '${V}'}]\n" + cm, []string{"release kube-system/spegel"}, "deny"},
		"a namespace":            {strings.ReplaceAll(head, "kube-system", "'${V}'") + chart, []string{"release ${V}/spegel", deny}, "unresolved"},
		"a part of the name":     {strings.ReplaceAll(head, "name: spegel", "name: 'x-${V}'") + chart, []string{"release kube-system/x-${V}", deny}, "unresolved"},
		"names on both sides": {
			head + chart + "  valuesFrom: [{kind: ConfigMap, name: 'v-${V}'}]\n" + strings.ReplaceAll(strings.ReplaceAll(cm, "name: v", "name: 'v-${V}'"), "mirroredR", "r"),
			[]string{"release kube-system/spegel"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, res := checkText(t, c.text, nil)
			got := render("", res)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("want %q in\n%s", want, got)
				}
			}
			if c.without != "" && strings.Contains(got, c.without) || strings.Contains(got, "unknown-variabl") || len(res.Errors) > 0 {
				t.Errorf("unwanted in\n%s", got)
			}
		})
	}
}
