package judge_test

import (
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/judge"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

// judged judges a repository without Flux.
func judged(t *testing.T, text string) *judge.Judge {
	t.Helper()
	tree, err := worktree.Scan(t.Context(), folder.Write(t, map[string]string{"hr.yaml": text}), worktree.Options{Words: []string{"spegel"}})
	if err != nil {
		t.Fatal(err)
	}
	g := fluxgraph.New(t.Context(), tree, fluxgraph.Options{Given: substitute.NewGiven(nil, nil), Named: func(string) bool { return false }})
	return &judge.Judge{Graph: g, Charts: []string{"spegel"}}
}

const head = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: NAME, namespace: kube-system}\nspec:\n"

func TestReleases(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec                      string
		rules, unresolved, opaque string
		isSpegels                 bool
		err                       string
	}{
		"a release without a list":           {spec: "chart: {spec: {chart: spegel}}", isSpegels: true, rules: "empty-mirror-list"},
		"another chart's":                    {spec: "chart: {spec: {chart: podinfo}}"},
		"a patch":                            {spec: "suspend: true"},
		"a variable that nobody reads":       {spec: "interval: ${X}\n  chart: {spec: {chart: spegel}}", isSpegels: true, rules: "empty-mirror-list"},
		"a variable in the values":           {spec: "chart: {spec: {chart: spegel}}\n  values: {spegel: {mirroredRegistries: ['${X}']}}", isSpegels: true, unresolved: "X"},
		"a variable for what decides more":   {spec: "chart: {spec: {chart: spegel}}\n  suspend: ${X}", isSpegels: true, unresolved: "X"},
		"a variable for the chart":           {spec: "chart: {spec: {chart: '${X}'}}", opaque: "X"},
		"a variable that is not the chart's": {spec: "chart: {spec: {chart: '${X}-exporter'}}"},
		"what SOPS has encrypted":            {spec: "chart: {spec: {chart: 'ENC[AES256_GCM,data:Zm9v,type:str]'}}", opaque: substitute.Sealed},
		"a field of another type":            {spec: "chart: {spec: {chart: spegel}}\n  valuesFrom: {}", err: "spec.valuesFrom is a map; want a list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(head, "NAME", "mirror", 1) + "  " + c.spec + "\n# spegel\n"
			j := judged(t, text)
			all := j.Releases(t.Context())
			wrong := ""
			for _, o := range j.Wrong {
				wrong = o.Err.Error()
			}
			if wrong != c.err {
				t.Errorf("error %q; want %q", wrong, c.err)
			}
			if len(all) == 0 {
				if c.isSpegels || c.opaque != "" {
					t.Error("nothing of Spegel")
				}
				return
			}
			r := all[0]
			var rules, unresolved []string
			for _, f := range r.Findings {
				rules = append(rules, f.Rule)
			}
			if r.Release != nil {
				for _, ref := range r.Unresolved {
					unresolved = append(unresolved, ref.Variable)
				}
			}
			if (r.Release != nil) != c.isSpegels || strings.Join(rules, " ") != c.rules || strings.Join(unresolved, " ") != c.unresolved || strings.Join(r.Opaque, " ") != c.opaque {
				t.Errorf("Spegel's: %t, rules %q, unresolved %q, opaque %q; want %+v", r.Release != nil, rules, unresolved, r.Opaque, c)
			}
		})
	}
}

func TestDaemonSets(t *testing.T) {
	t.Parallel()
	const ds = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: mirror-spegel, namespace: kube-system, labels: {app.kubernetes.io/instance: mirror}}\n" +
		"spec: {template: {spec: {initContainers: [{name: c, ports: '${PORTS}', args: [configuration, --mirror-targets, http://a:1LIST]}]}}}\n"
	for name, c := range map[string]struct{ list, rules, unresolved string }{
		"a good list":         {list: ", --mirrored-registries, https://docker.io"},
		"no list":             {rules: "empty-mirror-list"},
		"a wildcard":          {list: ", --mirrored-registries, _default", rules: "wildcard-mirror"},
		"a variable in it":    {list: ", --mirrored-registries, 'https://${X}'", unresolved: "spec.template.spec.initContainers[0].args[4] X"},
		"a variable for both": {list: ", --mirrored-registries, '${X}', _default", rules: "wildcard-mirror", unresolved: "spec.template.spec.initContainers[0].args[4] X"},
		"a variable that may be the flag of the list":  {list: ", --log-level, INFO, '${X}'", unresolved: "spec.template.spec.initContainers[0].args[5] X"},
		"a variable that may be it, or another target": {list: ", '${X}'", unresolved: "spec.template.spec.initContainers[0].args[3] X"},
		"a variable that can be no flag":               {list: ", --log-level, 'a${X}'", rules: "empty-mirror-list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := judged(t, strings.Replace(ds, "LIST", c.list, 1)+"---\n"+strings.Replace(head, "NAME", "mirror", 1)+"  chart: {spec: {chart: spegel}}\n")
			sets, releases := j.DaemonSets(t.Context()), j.Releases(t.Context())
			if len(sets) != 1 || len(releases) != 1 || !sets[0].IsMadeBy(&releases[0].HelmRelease) {
				t.Fatalf("%d DaemonSets of Spegel, %d releases; want one of each, and that it makes the other", len(sets), len(releases))
			}
			var rules, unresolved []string
			for _, f := range sets[0].Findings {
				rules = append(rules, f.Rule)
			}
			for _, u := range sets[0].Unresolved {
				unresolved = append(unresolved, u.Field+" "+u.Name)
			}
			if strings.Join(rules, " ") != c.rules || strings.Join(unresolved, " ") != c.unresolved {
				t.Errorf("rules %q, unresolved %q; want %+v", rules, unresolved, c)
			}
		})
	}
}
