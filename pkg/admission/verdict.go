package admission

import (
	"fmt"
	"slices"
	"strings"

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
	unresolved int // references that could change the findings

	bad string // what is wrong with the review itself, in words for the log
	err error  // and for who sent it
}

// problem is one line of a denial.
type problem struct{ field, text, rule string }

// ruleUnresolved stands in place of a rule where the policy denies what can't be read.
const ruleUnresolved = "unresolved"

func badReview(what string, err error) outcome { return outcome{verdict: failed, bad: what, err: err} }

// admitted is the verdict where nothing denies.
func admitted(findings, unread int) verdict {
	switch {
	case findings > 0:
		return warned
	case unread > 0:
		return unresolved
	}
	return passed
}

// locatedFinding is a finding and where it stands, whatever the kind of the object.
type locatedFinding struct {
	validate.Finding
	field, text string
}

// deny has findings deny.
func (o *outcome) deny(findings []locatedFinding) {
	rules := make([]validate.Finding, 0, len(findings))
	for _, f := range findings {
		rules = append(rules, f.Finding)
		o.problems = append(o.problems, problem{f.field, f.text + "; " + f.Fix, f.Rule})
	}
	o.headline = validate.Headline(rules)
}

// denyUnresolved has what can't be read deny.
func (o *outcome) denyUnresolved(unread []problem) {
	o.problems = append(o.problems, unread...)
	if o.headline == "" && len(unread) > 0 {
		o.headline = fmt.Sprintf("Spegel's values can't be seen in full, and the policy asks for that (%d unresolved)", len(unread))
	}
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
