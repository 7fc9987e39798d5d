package report_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

var update = flag.Bool("update", false, "write the golden files; read them before they are committed")

// chart is the chart of the releases made here.
const chart = "oci://ghcr.io/spegel-org/helm-charts/spegel"

// found runs the rules over values and says that each finding is at the place.
func found(values map[string]any, origin release.Origin, at ...fluxrepo.Place) []fluxrepo.Finding {
	private, err := validate.ParseRegistry("harbor.example.com")
	if err != nil {
		panic(err)
	}
	var out []fluxrepo.Finding
	findings, _ := validate.Validate(validate.Input{Values: values}, validate.Policy{PrivateRegistries: []validate.Registry{private}})
	for i, f := range findings {
		out = append(out, fluxrepo.Finding{Finding: release.Finding{Finding: f, Origin: origin}, Place: at[min(i, len(at)-1)]})
	}
	return out
}

func spegel(key string, value any) map[string]any {
	return map[string]any{"spegel": map[string]any{key: value}}
}

// mixed has a release for every verdict, and errors of both sorts, in the order that a check gives.
func mixed() *fluxrepo.Result {
	app := "apps/spegel/helmrelease.yaml"
	return &fluxrepo.Result{
		Files: 214,
		Releases: []fluxrepo.Release{
			{
				Namespace: "infra", Name: "spegel", Chart: chart, Version: "0.x.x", Built: true,
				Place: fluxrepo.Place{File: "infra/spegel.yaml", Line: 1, Column: 1},
				Findings: found(spegel("mirroredRegistries", []any{"https://docker.io", "https://harbor.example.com"}),
					release.Origin{Kind: "ConfigMap", Namespace: "infra", Name: "spegel-values", Key: "values.yaml"}, fluxrepo.Place{File: "infra/values, 100%:a.yaml", Line: 4, Column: 9}),
			},
			{
				Namespace: "kube-system", Name: "spegel", Chart: chart, Version: "0.7.4", Built: true,
				From:     []string{"cluster/ks.yaml#flux-system/apps", "apps/spegel/ks.yaml#kube-system/spegel"},
				Place:    fluxrepo.Place{File: app, Line: 1, Column: 1},
				Findings: found(spegel("registries", []any{"https://docker.io"}), release.Origin{}, fluxrepo.Place{File: app, Line: 13, Column: 7}, fluxrepo.Place{File: app, Line: 12, Column: 5, Approximate: true}),
			},
			{
				Namespace: "old", Name: "leftover", Chart: "spegel", Inactive: true,
				Place:    fluxrepo.Place{File: "old/leftover.yaml", Line: 3, Column: 1},
				Findings: found(spegel("mirroredRegistries", nil), release.Origin{}, fluxrepo.Place{File: "old/leftover.yaml", Line: 9}),
			},
			{
				Namespace: "old", Name: "spegel", Chart: "spegel", Suspended: true, Built: true,
				Place:    fluxrepo.Place{File: "old/suspended.yaml", Line: 3, Column: 1},
				Findings: found(spegel("mirroredRegistries", []any{"_default"}), release.Origin{}, fluxrepo.Place{File: "old/suspended.yaml", Line: 9, Column: 11}),
			},
			{
				Namespace: "secretive", Name: "spegel", Built: true,
				Place: fluxrepo.Place{File: "secretive/spegel.yaml", Line: 1, Column: 1},
				Unresolved: []fluxrepo.Reference{{
					Reference: release.Reference{Kind: "Secret", Namespace: "secretive", Name: "values", Key: "values.yaml", Reason: "encrypted with SOPS"},
					Place:     fluxrepo.Place{File: "secretive/spegel.yaml", Line: 10, Column: 7},
				}},
			},
			{Namespace: "test", Name: "spegel", Chart: chart, Version: "0.7.4", Built: true, Place: fluxrepo.Place{File: "test/spegel.yaml", Line: 1, Column: 1}},
		},
		Errors: []fluxrepo.Error{
			{Place: fluxrepo.Place{File: "apps/broken.yaml", Line: 3, Column: 1}, Message: "mapping key \"a\" already defined at line 2", Fatal: true},
			{Place: fluxrepo.Place{File: "apps/kustomization.yaml", Line: 4, Column: 5}, Message: "resources: github.com/org/repo is not in this repository, so what it holds is not checked", Unfollowed: true},
			{Place: fluxrepo.Place{File: "charts/x/values.yaml", Line: 7}, Message: "did not find expected node content", Elsewhere: true},
		},
	}
}

// stream is what is found in a rendered stream.
func stream() *fluxrepo.Result {
	return &fluxrepo.Result{Files: 1, Releases: []fluxrepo.Release{{
		Namespace: "kube-system", Name: "spegel", Built: true,
		Place:    fluxrepo.Place{File: "<stdin>", Line: 2, Column: 1},
		Findings: found(nil, release.Origin{}, fluxrepo.Place{File: "<stdin>", Line: 2, Column: 1}),
	}}}
}

// live is what an audit of a cluster finds: there are no files and no chains.
func live() *report.Report {
	rel := report.Release{Namespace: "kube-system", Name: "spegel", Chart: chart, Version: "0.7.4", Built: true}
	for _, f := range found(nil, release.Origin{}, fluxrepo.Place{}) {
		rel.Findings = append(rel.Findings, report.FromFinding(&f.Finding))
	}
	return report.Judge([]report.Release{rel}, nil, policy.UnresolvedWarn)
}

// audited is a cluster with a release for every verdict, and what runs of them.
func audited() *report.Report {
	mirrors := []string{"https://docker.io", "https://ghcr.io"}
	running := func(namespace string, mirrors []string) audit.DaemonSet {
		return audit.DaemonSet{Namespace: namespace, Name: "spegel", Mirrors: mirrors, Everything: mirrors != nil && len(mirrors) == 0, Writes: true, Nodes: 3, Updated: 3, Current: true}
	}
	lagging := running("kube-system", mirrors)
	lagging.Updated, lagging.Current = 1, false
	hidden := running("hidden", nil)
	hidden.Writes = false
	var bad []release.Finding
	for _, f := range found(nil, release.Origin{}, fluxrepo.Place{}) {
		bad = append(bad, f.Finding)
	}
	old := audit.Problem{ID: audit.OldPods, Message: "DaemonSet kube-system/spegel: 2 of 3 pods run an older template, with a different list of mirrors, on node-1, node-2", Fix: "wait for it"}
	loose := audit.Problem{ID: audit.NoHelmRelease, Message: "Spegel runs without a HelmRelease, so nothing reviews its values", Fix: "install it with a HelmRelease"}
	const helmRelease = "HelmRelease"
	return report.FromAudit(&audit.Result{Releases: []audit.Release{
		{Kind: helmRelease, Namespace: "bad", Name: "spegel", Chart: chart, Findings: bad, DaemonSets: []audit.DaemonSet{running("bad", []string{})}},
		{Kind: helmRelease, Namespace: "deleted", Name: "spegel", Chart: chart, Findings: bad, Deleting: true},
		{Kind: helmRelease, Namespace: "good", Name: "spegel", Chart: chart, DaemonSets: []audit.DaemonSet{running("good", mirrors)}},
		{Kind: "DaemonSet", Namespace: "good", Name: "spegel-2", DaemonSets: []audit.DaemonSet{running("good", mirrors)}, Problems: []audit.Problem{loose}},
		{
			Kind: helmRelease, Namespace: "hidden", Name: "spegel", Chart: chart, DaemonSets: []audit.DaemonSet{hidden},
			Unresolved: []release.Reference{{Kind: "Secret", Namespace: "hidden", Name: "spegel-values", Key: "values.yaml", Reason: "not permitted to read"}},
		},
		{Kind: helmRelease, Namespace: "kube-system", Name: "spegel", Chart: chart, Version: "0.7.4", DaemonSets: []audit.DaemonSet{lagging}, Problems: []audit.Problem{old}},
	}}, policy.UnresolvedWarn)
}

// TestGolden compares every format with a file that a person has read.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Report{
		"mixed":  report.New(mixed(), policy.UnresolvedWarn),
		"strict": report.New(mixed(), policy.UnresolvedDeny),
		"stream": report.New(stream(), policy.UnresolvedWarn),
		"empty":  report.New(&fluxrepo.Result{Files: 12}, policy.UnresolvedWarn),
		"live":   live(),
		"audit":  audited(),
	} {
		for _, format := range report.Formats() {
			if format == report.SARIF {
				continue // holds the text of every rule; sarif_test.go looks at the rest
			}
			t.Run(name+" as "+string(format), func(t *testing.T) {
				t.Parallel()
				golden(t, name+"."+string(format), write(t, format, r, report.Options{Version: "v0.0.0", ReadFile: readFile, BlobURL: "https://github.com/org/repo/blob/main"}))
			})
		}
	}
}

// readFile has one of the files that mixed names.
func readFile(name string) ([]byte, error) {
	if name != "apps/spegel/helmrelease.yaml" {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile("testdata/source/helmrelease.yaml")
}

func write(t *testing.T, format report.Format, r *report.Report, o report.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := format.Write(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
