package report

import (
	"fmt"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// highSeverity is "high" for GitHub: images of a private registry are handed out without a login. Its scale has no entry for
// what is no weakness in security, such as Spegel that does not start.
const highSeverity = "7.5"

// sarifRules describes every rule, whether it found something or not.
func sarifRules() []*sarif.ReportingDescriptor {
	var out []*sarif.ReportingDescriptor
	for _, r := range validate.Rules() {
		more := fmt.Sprintf("\n\n**Limits:** %s\n\nBreaks the rule:\n\n```yaml\n%s```\n\nBetter:\n\n```yaml\n%s```\n", r.Limits, r.Bad, r.Good)
		out = append(out, describe(r.ID, r.Title, r.Why, r.Fix, more, rulesPage+"#"+r.ID, r.Default, r.Effect == validate.StandsBetween))
	}
	out = append(out, describe(EntryUnresolved, "part of the values could not be read",
		"Part of a release's values could not be read, such as an encrypted Secret or a variable without a value, and it could "+
			"change what the rules find. What is certain was decided all the same.",
		"Pass the missing values, or set the list of registries in the HelmRelease itself.", "", unresolvedPage, validate.Off, false))
	for _, k := range audit.Problems() {
		out = append(out, describe(string(k.ID), k.Title, k.Why, k.Fix, "", problemsPage, validate.Warn, k.ID == audit.PrivatePulls))
	}
	return out
}

// describe makes the entry of a rule. The properties are how GitHub sorts alerts: those of a rule about security have a
// severity of their own.
func describe(id, title, why, fix, more, page string, severity validate.Severity, security bool) *sarif.ReportingDescriptor {
	bag := sarif.NewPropertyBag().WithTags([]string{"kubernetes", "flux", "spegel"}).Add("precision", "very-high") // what is not certain is no finding
	problem := map[validate.Severity]string{validate.Deny: "error", validate.Warn: "warning", validate.Off: "recommendation"}[severity]
	if security {
		bag.AddTag("security").Add("security-severity", highSeverity)
	} else {
		bag.AddTag("reliability").Add("problem.severity", problem)
	}
	help := why + "\n\n**Fix:** " + fix + more // as plain text, Markdown can be read too
	return sarif.NewRule(id).
		WithName(id).
		WithShortDescription(sarif.NewMultiformatMessageString().WithText(title)).
		WithFullDescription(sarif.NewMultiformatMessageString().WithText(why)).
		WithHelp(sarif.NewMultiformatMessageString().WithText(help).WithMarkdown(help)).
		WithHelpURI(page).
		WithProperties(bag).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(level(severity)))
}
