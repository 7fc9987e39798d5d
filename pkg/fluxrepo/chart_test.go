package fluxrepo_test

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// TestValuesOfTheChart checks a chart out of a Git repository: where that is this one, what the chart brings counts.
func TestValuesOfTheChart(t *testing.T) {
	t.Parallel()
	const (
		list     = "spegel: {mirroredRegistries: ['https://docker.io']}\n"
		bad      = "spegel: {mirroredRegistries: ['https://harbor.example.com']}\n"
		release  = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spegel, namespace: flux-system}\nspec:\n"
		ours     = "  chart: {spec: {chart: ./charts/spegel, sourceRef: {kind: GitRepository, name: flux-system}}}\n"
		files    = "  chart: {spec: {chart: charts/spegel, valuesFiles: [charts/spegel/values.yaml, prod/v.yaml], sourceRef: {kind: GitRepository, name: flux-system}}}\n"
		optional = "  chart: {spec: {chart: charts/spegel, ignoreMissingValuesFiles: true, valuesFiles: [gone.yaml, prod/v.yaml], sourceRef: {kind: GitRepository, name: flux-system}}}\n"
		foreign  = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: charts, namespace: flux-system}\nspec: {url: 'https://github.com/else/charts'}\n"
		chart    = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmChart\nmetadata: {name: c, namespace: flux-system}\nspec: {chart: charts/spegel, sourceRef: {kind: GitRepository, name: flux-system}, valuesFiles: [prod/v.yaml]}\n"
		single   = "  chart: {spec: {chart: charts/spegel, valuesFile: prod/v.yaml, sourceRef: {kind: GitRepository, name: flux-system}}}\n"
		both     = "  chart: {spec: {chart: charts/spegel, valuesFile: charts/spegel/values.yaml, valuesFiles: [prod/v.yaml], sourceRef: {kind: GitRepository, name: flux-system}}}\n"
		oldChart = "apiVersion: source.toolkit.fluxcd.io/v1beta2\nkind: HelmChart\nmetadata: {name: c, namespace: flux-system}\nspec: {chart: charts/spegel, sourceRef: {kind: GitRepository, name: flux-system}, valuesFile: prod/v.yaml}\n"
		denied   = "deny private-registry-mirrored"
		empty    = "deny empty-mirror-list"
		unknown  = "unresolved GitRepository"
		found    = "release flux-system/spegel "
	)
	for name, c := range map[string]struct {
		release, values string            // apps/hr.yaml from spec.chart on; charts/spegel/values.yaml
		files           map[string]string // beside these and charts/spegel/Chart.yaml; an empty one is left out
		want, without   string
	}{
		"its values.yaml":                       {release: ours, values: list, want: found, without: "deny"},
		"a bad entry in it, with its place":     {release: ours, values: "a: 1\n" + bad, want: "\"https://harbor.example.com\" at charts/spegel/values.yaml:2:31"},
		"the release's own values win":          {release: ours + "  values: {spegel: {mirroredRegistries: ['https://ghcr.io']}}\n", values: bad, want: found, without: "deny"},
		"values.yaml without a list":            {release: ours, values: "a: 1\n", want: empty},
		"no values.yaml":                        {release: ours, want: empty},
		"a values.yaml that is no YAML":         {release: ours, values: "a: [\n", want: "unresolved File /charts/spegel/values.yaml", without: "deny"},
		"no Chart.yaml, so no chart":            {release: ours, values: bad, files: map[string]string{"charts/spegel/Chart.yaml": ""}, want: unknown, without: "deny"},
		"a Chart.yaml that is left out":         {release: ours, values: bad, files: map[string]string{".sourceignore": "charts/spegel/Chart.yaml\n"}, want: unknown, without: "deny"},
		"a values.yaml that is left out":        {release: ours, values: bad, files: map[string]string{".sourceignore": "charts/spegel/values.yaml\n"}, want: empty, without: denied},
		"a path that is not there":              {release: strings.Replace(ours, "charts", "gone", 1), values: bad, want: unknown, without: "deny"},
		"a path from the root":                  {release: strings.Replace(ours, "./charts", "/charts", 1), values: bad, want: denied},
		"a path that leads out stays inside":    {release: strings.Replace(ours, "./charts", "../../charts", 1), values: bad, want: denied},
		"values files, the last wins":           {release: files, values: bad, files: map[string]string{"prod/v.yaml": list}, want: found, without: "deny"},
		"in the order that they are named in":   {release: files, values: list, files: map[string]string{"prod/v.yaml": bad}, want: "at prod/v.yaml:1:31"},
		"a values file of an older version":     {release: single, values: list, files: map[string]string{"prod/v.yaml": bad}, want: "at prod/v.yaml:1:31"},
		"a values file comes before the others": {release: both, values: bad, files: map[string]string{"prod/v.yaml": list}, want: found, without: "deny"},
		"a values file of an older HelmChart":   {release: "  chartRef: {kind: HelmChart, name: c}\n", values: list, files: map[string]string{"apps/c.yaml": oldChart, "prod/v.yaml": bad}, want: "at prod/v.yaml:1:31"},
		"they stand in place of values.yaml":    {release: strings.Replace(files, "charts/spegel/values.yaml, ", "", 1), values: bad, files: map[string]string{"prod/v.yaml": "a: 1\n"}, want: empty, without: denied},
		"are relative to the root, not to it":   {release: strings.Replace(files, "prod/v.yaml", "v.yaml", 1), values: list, files: map[string]string{"charts/spegel/v.yaml": bad}, want: "unresolved File /v.yaml : does not exist in this repository", without: "deny"},
		"one that is missing":                   {release: files, values: bad, want: "unresolved File /prod/v.yaml : does not exist", without: "deny"},
		"one that is missing and may be":        {release: optional, values: bad, files: map[string]string{"prod/v.yaml": list}, want: found, without: "deny"},
		"all of them are missing and may be":    {release: optional, values: bad, want: empty, without: denied},
		"a list that a later file takes back":   {release: files, values: list, files: map[string]string{"prod/v.yaml": "spegel: {mirroredRegistries: ~}\n"}, want: empty},
		"a chart that wraps Spegel's":           {release: ours, values: "spegel: {spegel: {mirroredRegistries: ['https://harbor.example.com']}}\n", want: ": spegel.spegel.mirroredRegistries[0] \"https://harbor.example.com\""},
		"a HelmChart that names values files":   {release: "  chartRef: {kind: HelmChart, name: c}\n", values: bad, files: map[string]string{"apps/c.yaml": chart, "prod/v.yaml": list}, want: found, without: "deny"},
		"a bad entry in a file of a HelmChart":  {release: "  chartRef: {kind: HelmChart, name: c}\n", values: list, files: map[string]string{"apps/c.yaml": chart, "prod/v.yaml": bad}, want: "at prod/v.yaml:1:31"},
		"another repository of that path":       {release: strings.Replace(ours, "name: flux-system", "name: charts", 1), values: bad, files: map[string]string{"apps/source.yaml": foreign}, want: unknown, without: "deny"},
		"a Helm repository":                     {release: strings.Replace(ours, "GitRepository", "HelmRepository", 1), values: bad, want: empty, without: denied},
		"a bucket":                              {release: strings.Replace(ours, "GitRepository", "Bucket", 1), values: bad, want: "unresolved Bucket", without: "deny"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			all := map[string]string{
				".git/config": "[remote \"origin\"]\n\turl = https://github.com/o/r\n", "clusters/ks.yaml": generatedKustomization("apps", "flux-system", "./apps", ""),
				"apps/hr.yaml": release + c.release, "charts/spegel/Chart.yaml": "apiVersion: v2\nname: spegel\nversion: 0.1.0\n", "charts/spegel/values.yaml": c.values,
			}
			maps.Copy(all, c.files)
			for name, text := range all {
				if text != "" {
					writeFile(t, filepath.Join(root, name), text)
				}
			}
			got := strings.ReplaceAll(render(root, check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com")), root+"/", "")
			if !strings.Contains(got, c.want) || c.without != "" && strings.Contains(got, c.without) {
				t.Errorf("want %q and no %q in\n%s", c.want, c.without, got)
			}
		})
	}
}
