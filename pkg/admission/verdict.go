package admission

// verdict is the label under which a review is counted.
type verdict string

const (
	denied      verdict = "deny"
	warned      verdict = "warn"
	unresolved  verdict = "unresolved"
	passed      verdict = "pass"
	notSpegel   verdict = "not-spegel"   // another chart's release, or values of none of Spegel
	notJudged   verdict = "not-judged"   // values of releases that could not be found out
	notReviewed verdict = "not-reviewed" // a deletion, an object being deleted, a subresource, values that stay
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
