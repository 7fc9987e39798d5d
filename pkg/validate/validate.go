package validate

// Input is what the rules look at.
type Input struct {
	// Values are the effective values of the release, as a JSON or YAML decoder makes them: nil (none),
	// map[string]any, []any, string, bool or a number. They are only read.
	Values any
	// ChartVersion is the version of Spegel's chart, with or without a leading v, or empty where it is
	// not known. A range is not a version.
	ChartVersion string
}

// Policy is what the rules are told from outside. The zero value knows no private registry and
// leaves each rule at its default.
type Policy struct {
	PrivateRegistries []Registry
	Severities        map[string]Severity // by rule id; a rule that is not named keeps its default
}

// severity is the one in force for a rule.
func (p Policy) severity(r Rule) Severity {
	if s, ok := p.Severities[r.ID]; ok {
		return s
	}
	return r.Default
}

// maxFindings is how many findings of one rule are told: nobody reads more, and the longest list that fits into an object
// has over a million entries.
const maxFindings = 1000

// Validate runs every rule over the values and returns all findings, in the order of Rules and then
// of the values; of more than a thousand of one rule, the first. The same input always gives the same
// findings.
func Validate(in Input, policy Policy) []Finding {
	v := newValues(in)
	var findings []Finding
	for _, r := range registry {
		severity := policy.severity(r)
		if severity == Off {
			continue
		}
		problems := r.check(v, policy)
		for _, p := range problems[:min(len(problems), maxFindings)] {
			findings = append(findings, Finding{
				Rule: r.ID, Severity: severity, Effect: r.Effect,
				Path: p.path, Value: p.value, Message: p.message, Fix: p.fix,
			})
		}
	}
	return findings
}
