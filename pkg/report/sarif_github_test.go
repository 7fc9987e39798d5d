package report_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// sarifFile has what GitHub reads of a SARIF file: https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support
type sarifFile struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID, Name, HelpURI string
					ShortDescription  struct{ Text string }
					FullDescription   struct{ Text string }
					Help              struct{ Text string }
					Properties        struct {
						Tags             []string
						Precision        string
						ProblemSeverity  string `json:"problem.severity"`
						SecuritySeverity string `json:"security-severity"`
					}
				}
			}
		}
		AutomationDetails struct{ ID string }
		Results           []struct {
			RuleID    string
			Message   struct{ Text string }
			Locations []struct {
				PhysicalLocation *struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
				}
			}
			PartialFingerprints map[string]string
		}
	}
}

func sarifOf(t *testing.T, r *report.Report, o report.Options) sarifFile {
	t.Helper()
	var file sarifFile
	if err := json.Unmarshal([]byte(write(t, report.SARIF, r, o)), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// GitHub refuses a file as a whole where one of these does not hold.
func TestSARIFIsWhatGitHubTakes(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Report{
		"a repository":                report.New(mixed(), policy.UnresolvedWarn),
		"a stream, which has no file": report.New(stream(), policy.UnresolvedWarn),
		"a cluster":                   audited(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := sarifOf(t, r, report.Options{Command: "check"})
			run := file.Runs[0]
			if file.Schema == "" || file.Version != "2.1.0" || len(file.Runs) != 1 || run.Tool.Driver.Name == "" || len(run.Results) == 0 {
				t.Errorf("schema %q, version %q, %d runs, tool %q, %d results", file.Schema, file.Version, len(file.Runs), run.Tool.Driver.Name, len(run.Results))
			}
			for _, result := range run.Results {
				if result.Message.Text == "" || result.PartialFingerprints["primaryLocationLineHash"] == "" {
					t.Errorf("no message or fingerprint: %+v", result)
				}
				if len(result.Locations) != 1 || result.Locations[0].PhysicalLocation == nil {
					t.Fatalf("no physical location: %+v", result)
				}
				at := result.Locations[0].PhysicalLocation
				if uri, err := url.Parse(at.ArtifactLocation.URI); err != nil || uri.Path == "" || uri.IsAbs() || strings.ContainsAny(uri.Path, "<>") {
					t.Errorf("uri %q: %v", at.ArtifactLocation.URI, err)
				}
				if r := at.Region; r.StartLine < 1 || r.StartColumn < 1 || r.EndLine != r.StartLine || r.EndColumn <= r.StartColumn {
					t.Errorf("region %+v", r)
				}
			}
		})
	}
}

func TestSARIFRulesAreWhatGitHubTakes(t *testing.T) {
	t.Parallel()
	security := map[string]bool{}
	for _, rule := range sarifOf(t, audited(), report.Options{}).Runs[0].Tool.Driver.Rules {
		short, full := len([]rune(rule.ShortDescription.Text)), len([]rune(rule.FullDescription.Text))
		if rule.ID == "" || len(rule.Name) > 255 || short == 0 || short > 1024 || full == 0 || full > 1024 || rule.Help.Text == "" {
			t.Errorf("%s: name, descriptions of %d and %d characters, or help", rule.ID, short, full)
		}
		if uri, err := url.Parse(rule.HelpURI); err != nil || uri.Scheme != "https" {
			t.Errorf("%s: help at %q", rule.ID, rule.HelpURI)
		}
		p := rule.Properties
		if len(p.Tags) == 0 || len(p.Tags) > 10 || p.Precision == "" {
			t.Errorf("%s: tags %v, precision %q", rule.ID, p.Tags, p.Precision)
		}
		score, err := strconv.ParseFloat(p.SecuritySeverity, 64)
		isSecurity := slices.Contains(p.Tags, "security")
		switch {
		case isSecurity && (err != nil || score <= 0 || score > 10):
			t.Errorf("%s: security-severity %q", rule.ID, p.SecuritySeverity)
		case !isSecurity && (p.SecuritySeverity != "" || !slices.Contains([]string{"error", "warning", "recommendation"}, p.ProblemSeverity)):
			t.Errorf("%s: problem.severity %q, security-severity %q", rule.ID, p.ProblemSeverity, p.SecuritySeverity)
		}
		security[rule.ID] = isSecurity
	}
	for rule, want := range map[string]bool{"empty-mirror-list": true, "private-pulls-at-risk": true, "renamed-key": false, "unresolved": false} {
		if security[rule] != want {
			t.Errorf("%s is about security: %t", rule, security[rule])
		}
	}
}

func TestSARIFRunsAreToldApartByWhatTheyLookedAt(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]report.Options{
		"spegel-guard/check/":                      {Command: "check", Paths: []string{"."}, Dir: "/repo", Root: "/repo"},
		"spegel-guard/check/clusters/a/apps/":      {Command: "check", Paths: []string{".", "../../apps/"}, Dir: "/repo/clusters/a", Root: "/repo"},
		"spegel-guard/check/clusters/b/":           {Command: "check", Paths: []string{"/repo/clusters/b"}, Dir: "/repo", Root: "/repo"},
		"spegel-guard/check/stdin/":                {Command: "check", Paths: []string{"-"}, Dir: "/repo"},
		"spegel-guard/check/elsewhere/spegel.yml/": {Command: "check", Paths: []string{"../elsewhere/spegel.yml"}, Dir: "/repo"},
		"spegel-guard/audit/":                      {Command: "audit", Dir: "/repo"},
	} {
		if got := sarifOf(t, audited(), o).Runs[0].AutomationDetails.ID; got != want {
			t.Errorf("%v in %s: %s; want %s", o.Paths, o.Dir, got, want)
		}
	}
}

// One alert for a line, however many chains build it.
func TestGitHubShowsOneAlertForWhatSeveralChainsBuild(t *testing.T) {
	t.Parallel()
	res := mixed()
	second := mixed().Releases[0]
	second.From = []string{"other/ks.yaml#flux-system/apps"}
	res.Releases = append(res.Releases, second)
	alerts := func(r *report.Report) int {
		seen := map[string]bool{}
		for _, result := range sarifOf(t, r, report.Options{}).Runs[0].Results {
			seen[result.RuleID+result.Locations[0].PhysicalLocation.ArtifactLocation.URI+result.PartialFingerprints["primaryLocationLineHash"]] = true
		}
		return len(seen)
	}
	if one, two := alerts(report.New(mixed(), policy.UnresolvedWarn)), alerts(report.New(res, policy.UnresolvedWarn)); one != two {
		t.Errorf("%d alerts with one chain, %d with two", one, two)
	}
}
