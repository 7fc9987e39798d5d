package report_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

func TestNamesStayTextInMarkdown(t *testing.T) {
	t.Parallel()
	res := stream()
	res.Releases[0].Name = "a|b\n<img src=x>](http://evil) @everyone `x`"
	res.Releases[0].Findings[0].Place.File = "x|`y`\n(z).yaml"
	got := write(t, report.Markdown, report.New(res, policy.UnresolvedWarn), report.Options{BlobURL: "https://github.com/o/r/blob/main/"})
	if bad := regexp.MustCompile("[^\\\\](<img|\\]\\(http://evil|@everyone|@everyone `x|\\|b)").FindString(got); bad != "" {
		t.Errorf("the summary has %q:\n%s", bad, got)
	}
	if want := "(https://github.com/o/r/blob/main/x%7C%60y%60%0A%28z%29.yaml#L2)"; !strings.Contains(got, want) {
		t.Errorf("no link %s in:\n%s", want, got)
	}
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "|") && !strings.HasSuffix(line, "|\n") {
			t.Errorf("a row of more than one line: %q", line)
		}
	}
}

func TestALongSummaryIsCut(t *testing.T) {
	t.Parallel()
	res := &fluxrepo.Result{}
	for i := range 500 {
		one := stream().Releases[0]
		one.Name = fmt.Sprintf("spegel-%d", i)
		res.Releases = append(res.Releases, one)
	}
	got := write(t, report.Markdown, report.New(res, policy.UnresolvedWarn), report.Options{})
	if rows := strings.Count(got, "\n| deny "); rows != 200 || !strings.Contains(got, "\n300 more are not shown here") {
		t.Errorf("%d rows, and the summary ends in %q", rows, got[len(got)-80:])
	}
}

func TestTwoChainsAreOneRowInMarkdown(t *testing.T) {
	t.Parallel()
	res := stream()
	res.Releases = append(res.Releases, stream().Releases[0])
	res.Releases[1].From = []string{"other/ks.yaml#flux-system/apps"}
	got := write(t, report.Markdown, report.New(res, policy.UnresolvedWarn), report.Options{})
	if rows := strings.Count(got, "\n| deny "); rows != 1 {
		t.Errorf("%d rows; want one:\n%s", rows, got)
	}
}
