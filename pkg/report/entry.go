package report

import (
	"regexp"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// EntryUnresolved is the ID of what could not be read; no rule of pkg/validate has it.
const EntryUnresolved = "unresolved"

// Entry is one thing that there is to say of a release, as formats without fields of their own for it say it.
type Entry struct {
	// ID is that of the rule, or of the problem with what runs, or EntryUnresolved.
	ID       string
	Severity validate.Severity
	// Subject is the field, or the object that could not be read; empty for what runs.
	Subject string
	Message string
	// Fix is empty where the message says what there is to do.
	Fix           string
	Documentation string
	Place

	// Secret says that the source line must not be shown.
	Secret bool
}

// Entries lists what is wrong by its rules, then what is wrong with what runs, then what could not be read.
func (r *Release) Entries() []Entry {
	var out []Entry
	for i := range r.Findings {
		f := &r.Findings[i]
		out = append(out, Entry{f.Rule, f.Severity, f.Path, f.Message, f.Fix, f.Documentation, f.Place, f.Secret})
	}
	if r.Cluster != nil {
		for _, p := range r.Cluster.Problems {
			out = append(out, Entry{ID: p.Problem, Severity: validate.Warn, Message: p.Message, Fix: p.Fix, Documentation: p.Documentation})
		}
	}
	for i := range r.Unresolved {
		u := &r.Unresolved[i]
		out = append(out, Entry{EntryUnresolved, u.Severity, u.Object(), u.Reason, u.fix(), u.Documentation, u.Place, false})
	}
	return out
}

// Text is where, what and, separated by a semicolon, the fix.
func (e *Entry) Text() string { return join("; ", join(": ", e.Subject, e.Message), e.Fix) }

// label says how bad it is, in a word.
func (e *Entry) label() string {
	if e.ID == EntryUnresolved {
		return EntryUnresolved
	}
	return string(e.Severity)
}

// what is where, what and which rule.
func (e *Entry) what() string {
	s := join(": ", e.Subject, e.Message)
	if e.ID != EntryUnresolved {
		s += " [" + e.ID + "]"
	}
	if e.Approximate {
		s += " (the exact place is not known; this is the nearest)"
	}
	return s
}

// headline is the first entry that decided the verdict; empty if the release passes.
func (r *Release) headline() string {
	for _, e := range r.Entries() {
		switch {
		case r.Verdict == VerdictDeny && e.Severity != validate.Deny:
		case e.ID == EntryUnresolved:
			return e.ID + ": " + e.what()
		default:
			return e.what()
		}
	}
	return ""
}

// withoutValue is how a reason begins that a variable brings about.
var withoutValue = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\} (?:has no value|is )`)

// fix is a way out, where there is one that the reason does not say: a variable can be handed over.
func (u *Unresolved) fix() string {
	if m := withoutValue.FindStringSubmatch(u.Reason); m != nil {
		return "pass its value: --var " + m[1] + "=VALUE, or --vars FILE"
	}
	return ""
}
