package validate

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// Input is what the rules look at.
type Input struct {
	// Values are the effective values of the release, as a JSON or YAML decoder makes them: nil (none),
	// map[string]any, []any, string, bool or a number; certainty.Unknown and certainty.Open stand for what can't be known, at any depth.
	// They are only read.
	Values any
	// OwnChart says that the chart is known to be Spegel's own, so that no other chart wraps it. Elsewhere the rules look at
	// spegel.spegel where that is a map.
	OwnChart bool
	// ChartVersion is the version of Spegel's chart, with or without a leading v, or empty where it is
	// not known. A range is not a version.
	ChartVersion string
}

// wrapped reports whether the values are those of a chart that wraps Spegel's, one level deeper.
func (in Input) wrapped() bool {
	if in.OwnChart {
		return false
	}
	inner, _ := certainty.At(in.Values, Path{spegelKey, spegelKey})
	return isMap(inner)
}

// Path leads to a key of Spegel's chart.
func (in Input) Path(key string) Path {
	if in.wrapped() {
		return Path{spegelKey, spegelKey, key}
	}
	return Path{spegelKey, key}
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
//
// A finding holds whatever the unknown nodes are. Where they could change what a rule says, for better or for worse,
// their reasons are in undecided, sorted, each once. Given up, since one part that is not read would otherwise leave every
// release undecided:
//
//   - A dead, misplaced or renamed key that may be unknown leaves nothing undecided, except registries where the list is not
//     known to have entries: such a key does nothing on a node.
//   - An open map is taken to hold no spegel below spegel, and no additionalMirrorTargets: a bad target keeps Spegel from
//     starting, and never puts it in front of a registry. A target that is unknown itself is undecided.
//   - What makes a finding milder than its rule or takes it away (a list beside the dead key, containerdMirrorAdd: false)
//     counts where it is known, and otherwise not.
func Validate(in Input, policy Policy) (findings []Finding, undecided []int) {
	v := newValues(in)
	for _, r := range registry {
		severity := policy.severity(r)
		if severity == Off {
			continue
		}
		problems, unknown := r.check(v, policy)
		undecided = append(undecided, unknown...)
		for _, p := range problems[:min(len(problems), maxFindings)] {
			findings = append(findings, p.finding(r, severity))
		}
	}
	slices.Sort(undecided)
	return findings, slices.Compact(undecided)
}

// finding is the problem as a policy sees it.
func (p problem) finding(r Rule, severity Severity) Finding {
	f := Finding{
		Rule: r.ID, Severity: severity, Effect: r.Effect,
		Path: p.path, Value: p.value, Message: p.message, Fix: p.fix,
	}
	if p.mild {
		f.Severity, f.Effect = Warn, ValueIgnored
	}
	return f
}
