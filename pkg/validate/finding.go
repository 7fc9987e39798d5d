package validate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Severity is what a policy makes of a finding.
type Severity string

// The severities of a rule. Findings carry Deny or Warn, never Off.
const (
	Deny Severity = "deny"
	Warn Severity = "warn"
	Off  Severity = "off"
)

// Effect is what follows when a finding is left as it is. The smaller, the worse.
type Effect int

// The effects, worst first.
const (
	StandsBetween Effect = iota
	SpegelDoesNotStart
	ValueIgnored
)

// String is the first half of a headline.
func (e Effect) String() string {
	switch e {
	case StandsBetween:
		return "Spegel would stand between containerd and your private registries"
	case SpegelDoesNotStart:
		return "Spegel would not start"
	default:
		return "Part of this configuration would have no effect"
	}
}

// MarshalText is String, for JSON.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Path leads from the root of the values to a node: map keys are strings, list positions ints. An
// empty path is the root.
type Path []any

// String renders the path as Kubernetes does, e.g. spegel.mirroredRegistries[2]; the root is empty.
func (p Path) String() string {
	if len(p) == 0 {
		return ""
	}
	return p.Under(nil).String()
}

// Under appends the path to a parent, e.g. field.NewPath("spec", "values").
func (p Path) Under(parent *field.Path) *field.Path {
	out := parent
	for _, step := range p {
		if i, ok := step.(int); ok {
			out = out.Index(i)
		} else {
			out = out.Child(fmt.Sprint(step))
		}
	}
	return out
}

// Finding is one broken rule at one place.
type Finding struct {
	Rule     string
	Severity Severity // Deny or Warn
	Effect   Effect
	Path     Path   // where, in the effective values
	Value    string // the list entry at Path, quoted and shortened; empty when there is none to show
	Message  string // what is there and what follows, to be read after Value; free of values except for a private host
	Fix      string // what to do about it
}

// Text is what is wrong, with the value where there is one to show.
func (f Finding) Text() string {
	if f.Value == "" {
		return f.Message
	}
	return f.Value + " " + f.Message
}

// Headline says in one line what follows from the findings at worst, and how many there are. It is
// empty without findings.
func Headline(findings []Finding) string {
	if len(findings) == 0 {
		return ""
	}
	worst := slices.MinFunc(findings, func(a, b Finding) int { return int(a.Effect) - int(b.Effect) })
	problems := "problems"
	if len(findings) == 1 {
		problems = "problem"
	}
	return fmt.Sprintf("%s (%d %s)", worst.Effect, len(findings), problems)
}
