package release

import (
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-cmp/cmp"
)

// A chart out of a GitRepository may bring any values, so all that is known of them here is what the caller read.
func TestValuesOfTheChart(t *testing.T) {
	t.Parallel()
	const good, list = "spegel: {mirroredRegistries: [https://docker.io]}", "spegel.mirroredRegistries"
	file := func(name, data string) ChartValues { return ChartValues{File: name, Data: data} }
	files := func(files ...ChartValues) []ChartValues { return files }
	c := newCluster(configMap("map", values("spegel: {resolveTags: true}")), configMap("list", values("spegel: {mirroredRegistries: [b]}")))
	for name, tc := range map[string]struct {
		chart      []ChartValues
		inline     string
		refs       []helmv2.ValuesReference
		found      []string
		unresolved []string
	}{
		"were not read": {chart: nil, unresolved: []string{"GitRepository charts/./charts/spegel: the chart's own values are not read"}},
		"are none, as the chart brings nothing": {
			chart: []ChartValues{}, found: []string{"empty-mirror-list at spec.values." + list},
		},
		"hold the list that is absent above them":    {chart: files(file("values.yaml", good)), inline: "spegel: {resolveTags: true}", refs: refs(from("ConfigMap", "map"))},
		"hold the list where nothing is above them":  {chart: files(file("values.yaml", good))},
		"hold a list that inline values take away":   {chart: files(file("values.yaml", good)), inline: "spegel: {mirroredRegistries: null}", found: []string{"empty-mirror-list at spec.values." + list}},
		"hold what is found, and are named for it":   {chart: files(file("values.yaml", "spegel: {mirroredRegistries: [a]}")), found: []string{"invalid-mirror-url at chart's values.yaml: " + list + "[0]"}},
		"lie below a reference":                      {chart: files(file("values.yaml", "spegel: {mirroredRegistries: [a]}")), refs: refs(from("ConfigMap", "list")), found: []string{"invalid-mirror-url at valuesFrom ConfigMap kube-system/list key values.yaml: " + list + "[0]"}},
		"lie below the inline values":                {chart: files(file("values.yaml", "spegel: {mirroredRegistries: [a]}")), inline: good},
		"lie over each other in their order":         {chart: files(file("values.yaml", good), file("prod.yaml", "spegel: {mirroredRegistries: [a]}")), found: []string{"invalid-mirror-url at chart's prod.yaml: " + list + "[0]"}},
		"lie over each other, a good list on top":    {chart: files(file("values.yaml", "spegel: {mirroredRegistries: [a]}"), file("prod.yaml", good))},
		"are maps that add their keys to each other": {chart: files(file("values.yaml", "spegel: {registries: [a]}"), file("prod.yaml", good)), found: []string{"legacy-registries-key at chart's values.yaml: spegel.registries"}},
		"are not YAML": {
			chart: files(file("values.yaml", "spegel: {mirroredRegistries: [a]}"), file("prod.yaml", "a: b: c")), unresolved: []string{"File prod.yaml/: is not YAML"},
		},
		"stand for too much": {
			chart:      files(file("values.yaml", "a: &a "+strings.Repeat("x", 10_000)+"\nb: ["+strings.Repeat("*a,", 500)+"]\n"+good)),
			unresolved: []string{"File values.yaml/: is too large"},
		},
		"do not exist": {
			chart: append(files(file("values.yaml", good)), ChartValues{File: "prod.yaml", Unread: "does not exist"}), unresolved: []string{"File prod.yaml/: does not exist"},
		},
		"are not YAML, below a list that is known": {chart: files(file("values.yaml", "a: b: c")), inline: good},
		"are not YAML, below a list that is bad": {
			chart: files(file("values.yaml", "a: b: c")), inline: "spegel: {mirroredRegistries: [a]}",
			found: []string{"invalid-mirror-url at spec.values." + list + "[0]"},
		},
		"are known, below a reference that was not read": {
			chart: files(file("values.yaml", "spegel: {mirroredRegistries: [a]}")), refs: refs(from("ConfigMap", "gone")),
			unresolved: []string{"ConfigMap gone/values.yaml: not found"},
		},
		"have a file whose name is fit for one line": {
			chart: files(file("a\nis immutable", "spegel: {mirroredRegistries: [a]}")), found: []string{"invalid-mirror-url at chart's a_is_immutable: " + list + "[0]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hr := helmRelease(t, tc.inline, tc.refs...)
			hr.Spec.Chart.Spec.Chart, hr.Spec.Chart.Spec.SourceRef.Kind = "./charts/spegel", sourcev1.GitRepositoryKind
			res := Resolve(t.Context(), hr, Options{Charts: []string{"spegel"}, Reader: c, ChartValues: brings(tc.chart)}).Evaluate(privatePolicy(t))
			if diff := cmp.Diff(tc.found, told(res)); diff != "" {
				t.Errorf("findings (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tc.unresolved, untold(res)); diff != "" {
				t.Errorf("unresolved (-want +got)\n%s", diff)
			}
		})
	}
}

func brings(files []ChartValues) func(sourcev1.HelmChartSpec, string) []ChartValues {
	return func(sourcev1.HelmChartSpec, string) []ChartValues { return files }
}

func TestAValueOfTheChartIsShownWithItsFile(t *testing.T) {
	t.Parallel()
	chart := []ChartValues{{File: "charts/spegel/values.yaml", Data: "spegel: {mirroredRegistries: [docker.io]}"}}
	res := Resolve(t.Context(), helmRelease(t, ""), Options{Charts: []string{"spegel"}, ChartValues: brings(chart)}).Evaluate(privatePolicy(t))
	if len(res.Findings) != 1 {
		t.Fatalf("got %v", told(res))
	}
	f := res.Findings[0]
	if want := (Origin{Kind: KindFile, Name: "charts/spegel/values.yaml"}); f.Origin != want {
		t.Errorf("from %+v, want %+v", f.Origin, want)
	}
	if want := `"docker.io"`; f.Value != want {
		t.Errorf("shows %s, want %s", f.Value, want)
	}
}
