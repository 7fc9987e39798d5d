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
		text := fmt.Sprintf("%s\n\nFix: %s\n\nLimits: %s\n\nBreaks the rule:\n\n%s\nBetter:\n\n%s", r.Why, r.Fix, r.Limits, r.Bad, r.Good)
		markdown := fmt.Sprintf("%s\n\n**Fix:** %s\n\n**Limits:** %s\n\nBreaks the rule:\n\n```yaml\n%s```\n\nBetter:\n\n```yaml\n%s```\n", r.Why, r.Fix, r.Limits, r.Bad, r.Good)
		out = append(out, descriptor(r.ID, r.Title, r.Why, text, markdown).
			WithHelpURI(rulesPage+"#"+r.ID).
			WithProperties(properties(r.Effect == validate.StandsBetween, r.Default)).
			WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(level(r.Default, sarif.LevelWarning))))
	}
	const why = "Part of a release's values could not be read, such as an encrypted Secret or a variable without a value, and it could " +
		"change what the rules find. What is certain was decided all the same."
	const fix = "Hand the missing values over, or set the list of registries in the HelmRelease itself."
	out = append(out, descriptor(EntryUnresolved, "part of the values could not be read", why, why+"\n\nFix: "+fix, why+"\n\n**Fix:** "+fix).
		WithHelpURI(unresolvedPage).
		WithProperties(properties(false, validate.Off)).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarif.LevelNote)))
	for _, k := range audit.Problems() {
		out = append(out, descriptor(string(k.ID), k.Title, k.Why, k.Why+"\n\nFix: "+k.Fix, k.Why+"\n\n**Fix:** "+k.Fix).
			WithHelpURI(problemsPage).
			WithProperties(properties(k.ID == audit.PrivatePulls, validate.Warn)).
			WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarif.LevelWarning)))
	}
	return out
}

func descriptor(id, title, why, text, markdown string) *sarif.ReportingDescriptor {
	return sarif.NewRule(id).
		WithName(id).
		WithShortDescription(sarif.NewMultiformatMessageString().WithText(title)).
		WithFullDescription(sarif.NewMultiformatMessageString().WithText(why)).
		WithHelp(sarif.NewMultiformatMessageString().WithText(text).WithMarkdown(markdown))
}

// properties are how GitHub sorts alerts. Those of a rule about security have a severity of their own.
func properties(security bool, severity validate.Severity) *sarif.PropertyBag {
	bag := sarif.NewPropertyBag().WithTags([]string{"kubernetes", "flux", "spegel"}).Add("precision", "very-high") // what is not certain is no finding
	if security {
		return bag.AddTag("security").Add("security-severity", highSeverity)
	}
	problem := map[validate.Severity]string{validate.Deny: "error", validate.Warn: "warning"}[severity]
	if problem == "" {
		problem = "recommendation"
	}
	return bag.AddTag("reliability").Add("problem.severity", problem)
}
