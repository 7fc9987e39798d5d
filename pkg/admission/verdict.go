package admission

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// verdict is the label under which a review is counted.
type verdict string

const (
	denied      verdict = "deny"
	warned      verdict = "warn"
	unresolved  verdict = "unresolved"
	passed      verdict = "pass"
	notSpegel   verdict = "not-spegel"   // another chart's release
	notReviewed verdict = "not-reviewed" // a deletion, an object being deleted, a subresource
	failed      verdict = "error"        // the review itself was bad
)

// judge draws the verdict from the findings. A suspended release is never denied: nothing is installed
// from it, and resuming it is an update that is reviewed.
func judge(rel *release.Release, res release.Result, pol *policy.Policy) verdict {
	deny := len(res.Denied()) > 0 || pol.Unresolved == policy.UnresolvedDeny && slices.ContainsFunc(res.Unresolved, release.Reference.Deniable)
	switch {
	case deny && !rel.Suspended:
		return denied
	case len(res.Findings) > 0:
		return warned
	case len(res.Unresolved) > 0:
		return unresolved
	default:
		return passed
	}
}
