package admission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// verdict is the label under which a review is counted.
type verdict string

const (
	denied      verdict = "deny"
	warned      verdict = "warn"
	unresolved  verdict = "unresolved"
	passed      verdict = "pass"
	notSpegel   verdict = "not-spegel"   // another chart's release, values of none of Spegel, another program's DaemonSet
	notJudged   verdict = "not-judged"   // values of releases that could not be found out
	notReviewed verdict = "not-reviewed" // a deletion, an object being deleted, a subresource, values or a template that stay
	failed      verdict = "error"        // the review itself was bad
)

// outcome is what a review comes to, whatever the kind of its object.
type outcome struct {
	verdict    verdict
	headline   string    // the first line of a denial
	problems   []problem // the others
	warnings   []string
	unresolved int   // references that could change the findings
	err        error // what is wrong with the review itself: never a part of it
}

// problem is one line of a denial.
type problem struct{ field, text, rule string }

func badReview(err error) outcome { return outcome{verdict: failed, err: err} }

// line is a finding, or what could not be read, whatever the kind of the object.
type line struct {
	validate.Finding                // of which there is a rule, ruleUnresolved, and a fix alone where something could not be read
	kind             string         // of that
	ofSource         bool           // it is where the chart comes from
	origin           release.Origin // of a finding in a release
	field            string         // where it stands
	at               string         // the same in a warning
	text             string         // what is wrong
	denies           bool
}

// ruleUnresolved stands in place of a rule where something could not be read.
const ruleUnresolved = "unresolved"

// conclude makes an answer of lines, each told once, and counts them. A denial names what they are in.
func (h *Handler) conclude(lines []line, in string) (out outcome) {
	var deny []validate.Finding
	told := map[problem]bool{}
	for _, l := range lines {
		h.Metrics.found(l)
		text := l.text
		if l.Rule == ruleUnresolved {
			out.unresolved++
			text += ", so what Spegel would mirror is not known"
		}
		p := problem{l.field, text + "; " + l.Fix, l.Rule}
		if !l.denies || l.Rule == ruleUnresolved {
			out.warnings = append(out.warnings, l.Rule+": "+l.at+l.text)
		}
		if l.denies && !told[p] {
			told[p] = true
			out.problems = append(out.problems, p)
			if l.Rule != ruleUnresolved {
				deny = append(deny, l.Finding)
			}
		}
	}
	switch {
	case len(out.problems) > 0:
		out.verdict = denied
	case len(lines) > out.unresolved:
		out.verdict = warned
	case out.unresolved > 0:
		out.verdict = unresolved
	default:
		out.verdict = passed
	}
	out.headline = validate.Headline(deny)
	if len(deny) == 0 {
		out.headline = fmt.Sprintf("Spegel's configuration can't be read in full, and the policy requires it (%d unresolved)", len(out.problems))
	}
	out.headline += in
	return out
}

// entries counts what findings are about, so that those of before and after a change can be told apart by rule and entry: an entry may
// have another position in its list.
type entries map[string]int

func (e entries) add(f validate.Finding) { e[entry(f)]++ }

// take reports whether there is such a finding left, and takes it.
func (e entries) take(f validate.Finding) bool {
	key := entry(f)
	e[key]--
	return e[key] >= 0
}

// entry is what a finding is about, wherever in a list that stands: its value, and what is said of it, as a value may be hidden. What
// follows is left out, as that depends on other keys.
func entry(f validate.Finding) string {
	keys := slices.DeleteFunc(slices.Clone(f.Path), func(step any) bool { _, isIndex := step.(int); return isIndex })
	if f.Rule == "empty-mirror-list" { // an empty list in place of none adds nothing
		return f.Rule + "\n" + keys.String()
	}
	said := f.Message
	if end := strings.IndexAny(said, ",;"); end >= 0 {
		said = said[:end]
	}
	return strings.Join([]string{f.Rule, keys.String(), f.Value, said}, "\n")
}
