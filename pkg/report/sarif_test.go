package report_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// parsed is a run as it was written, after the library has held it against the official schema.
func parsed(t *testing.T, r *report.Report, o report.Options) *sarif.Run {
	t.Helper()
	doc, err := sarif.FromString(write(t, report.SARIF, r, o), sarif.WithStrictValidation())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(doc.Runs) != 1 {
		t.Fatalf("%d runs; want one", len(doc.Runs))
	}
	return doc.Runs[0]
}

func TestSARIFHoldsAgainstTheSchema(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Report{
		"a release for every verdict":   report.New(mixed(), policy.UnresolvedWarn),
		"what is unresolved denies":     report.New(mixed(), policy.UnresolvedDeny),
		"a stream, which has no file":   report.New(stream(), policy.UnresolvedWarn),
		"a cluster, which has no file":  live(),
		"a cluster and what runs in it": audited(),
		"nothing found":                 report.New(&fluxrepo.Result{}, policy.UnresolvedWarn),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := parsed(t, r, report.Options{Version: "v0.0.0"})
			want := 0
			for _, rel := range r.Releases {
				want += len(rel.Findings) + len(rel.Unresolved)
				if rel.Cluster != nil {
					want += len(rel.Cluster.Problems)
				}
			}
			if len(run.Results) != want {
				t.Errorf("%d results; want one for each finding, unresolved reference and problem, %d", len(run.Results), want)
			}
			if got := *run.Invocations[0].ExecutionSuccessful; got != r.Complete() {
				t.Errorf("executionSuccessful is %t", got)
			}
		})
	}
}

func TestSARIFSchemaIsTheOneThatFindsMistakes(t *testing.T) {
	t.Parallel()
	doc := sarif.NewReport().AddRun(sarif.NewRun()) // a run needs a tool
	if err := doc.Validate(); err == nil {
		t.Error("a run without a tool holds against the schema")
	}
}

func TestSARIFResults(t *testing.T) {
	t.Parallel()
	type result struct {
		Rule, Level, URI string
		Line, Column     int
	}
	var got []result
	for _, r := range parsed(t, report.New(mixed(), policy.UnresolvedWarn), report.Options{}).Results {
		at := r.Locations[0].PhysicalLocation
		res := result{Rule: *r.RuleID, Level: r.Level, URI: *at.ArtifactLocation.URI, Line: *at.Region.StartLine, Column: *at.Region.StartColumn}
		if *at.ArtifactLocation.URIBaseID != "%SRCROOT%" {
			t.Errorf("%s has base %s", res.URI, *at.ArtifactLocation.URIBaseID)
		}
		got = append(got, res)
	}
	want := []result{
		{"private-registry-mirrored", "error", "infra/values,%20100%25:a.yaml", 4, 9},
		{"legacy-registries-key", "error", "apps/spegel/helmrelease.yaml", 13, 7},
		{"empty-mirror-list", "error", "apps/spegel/helmrelease.yaml", 12, 5},
		{"empty-mirror-list", "warning", "old/leftover.yaml", 9, 1},
		{"wildcard-mirror", "warning", "old/suspended.yaml", 9, 11},
		{"unresolved", "note", "secretive/spegel.yaml", 10, 7},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestSARIFDescribesEveryRule(t *testing.T) {
	t.Parallel()
	run := parsed(t, report.New(mixed(), policy.UnresolvedWarn), report.Options{})
	have := map[string]int{}
	for i, r := range run.Tool.Driver.Rules {
		have[*r.ID] = i
		if r.Help == nil || *r.Help.Text == "" || *r.Help.Markdown == "" || *r.ShortDescription.Text == "" {
			t.Errorf("rule %s has no help", *r.ID)
		}
	}
	for _, r := range validate.Rules() {
		if _, ok := have[r.ID]; !ok {
			t.Errorf("rule %s is not described", r.ID)
		}
	}
	for _, r := range run.Results {
		if have[*r.RuleID] != r.RuleIndex {
			t.Errorf("result of %s has rule index %d; want %d", *r.RuleID, r.RuleIndex, have[*r.RuleID])
		}
	}
}

// fingerprints by release, rule and chain.
func fingerprints(t *testing.T, res *fluxrepo.Result) map[string]string {
	t.Helper()
	out := map[string]string{}
	seen := map[string]bool{}
	for _, r := range parsed(t, report.New(res, policy.UnresolvedWarn), report.Options{}).Results {
		fingerprint := r.PartialFingerprints["spegelGuardFinding/v1"]
		if fingerprint == "" || seen[fingerprint] {
			t.Errorf("fingerprint %q is empty or taken", fingerprint)
		}
		seen[fingerprint] = true
		key, err := json.Marshal([]any{r.Properties.Properties, *r.RuleID})
		if err != nil {
			t.Fatal(err)
		}
		out[string(key)] = fingerprint
	}
	return out
}

func TestSARIFFingerprintsAreUniqueAndStayWhenLinesMove(t *testing.T) {
	t.Parallel()
	twice := func() *fluxrepo.Result { // two clusters build the same release of the same file
		res := mixed()
		second := mixed().Releases[0]
		second.From = []string{"other/ks.yaml#flux-system/apps"}
		res.Releases = append(res.Releases, second)
		return res
	}
	moved := twice()
	for i := range moved.Releases {
		for j := range moved.Releases[i].Findings {
			moved.Releases[i].Findings[j].Place.Line += 10
		}
	}
	if diff := cmp.Diff(fingerprints(t, twice()), fingerprints(t, moved)); diff != "" {
		t.Errorf("after the lines have moved (-before +after):\n%s", diff)
	}
}

func TestSARIFNamesFilesRelativeToTheWorkingDirectory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"an absolute name below it":                      {"/repo/apps/a b.yaml", "apps/a%20b.yaml"},
		"an absolute name elsewhere":                     {"/other/a.yaml", "file:///other/a.yaml"},
		"a relative name":                                {"./apps//a.yaml", "apps/a.yaml"},
		"a name with a colon in front is not a scheme":   {"c:a.yaml", "./c:a.yaml"},
		"a name that would be a fragment or a query":     {"a#b?c.yaml", "a%23b%3Fc.yaml"},
		"a name that is a sibling of it":                 {"/repository/a.yaml", "file:///repository/a.yaml"},
		"a name that starts with dots but lies below it": {"/repo/..a/b.yaml", "..a/b.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := stream()
			res.Releases[0].Findings[0].Place.File = c.file
			run := parsed(t, report.New(res, policy.UnresolvedWarn), report.Options{Dir: "/repo"})
			got := *run.Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI
			if got != c.want {
				t.Errorf("uri %s; want %s", got, c.want)
			}
			if _, err := url.Parse(got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFilesAreNamedFromTheRootOfTheRepository(t *testing.T) {
	t.Parallel()
	o := report.Options{Dir: "/repo/clusters", Root: "/repo"}
	for name, c := range map[string]struct{ file, sarif, github string }{
		"a name below the working directory": {"a.yaml", "clusters/a.yaml", "file=clusters/a.yaml,"},
		"a name above it":                    {"../apps/a.yaml", "apps/a.yaml", "file=apps/a.yaml,"},
		"an absolute name":                   {"/repo/apps/a.yaml", "apps/a.yaml", "file=apps/a.yaml,"},
		"a name outside of the repository":   {"/tmp/a.yaml", "file:///tmp/a.yaml", "file=/tmp/a.yaml,"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := stream()
			res.Releases[0].Findings[0].Place.File = c.file
			r := report.New(res, policy.UnresolvedWarn)
			if got := *parsed(t, r, o).Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI; got != c.sarif {
				t.Errorf("uri %s; want %s", got, c.sarif)
			}
			if got := write(t, report.GitHub, r, o); !strings.Contains(got, c.github) {
				t.Errorf("annotation %s; want %s", got, c.github)
			}
		})
	}
}
