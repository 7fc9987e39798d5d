package node

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
)

// Status is the outcome of one check.
type Status string

// The outcomes of a check, worst first.
const (
	Fail Status = "fail" // this may keep images from being pulled, now or later
	Warn Status = "warn" // this is a risk, or something could not be seen in full
	Pass Status = "pass"
	Skip Status = "skip" // it could not look, and the evidence says why
)

// Statuses lists all outcomes, worst first.
func Statuses() []Status { return []Status{Fail, Warn, Pass, Skip} }

// Check is one question that is asked of a node. Its texts stand in a file beside its code.
type Check struct {
	ID    string
	Title string // what is asked, as a question
	Why   string // why the answer matters
	Page  string // all that is said of it, in Markdown, from the title on

	needs need
	run   func(*run, context.Context) Result
}

// need is what a check can't do without.
type need int

const (
	aNode need = 1 << iota
	aCluster
	aRegistry
)

// lacks says what a check needs and a run does not have; empty for nothing.
func (x *run) lacks(c need) string {
	switch {
	case c&aNode != 0 && x.Files == nil:
		return "no node to look at: name one with --node-root, --talos or --bundle"
	case c&aCluster != 0 && x.Cluster == nil:
		return errNoCluster.Error()
	case c&aRegistry != 0 && len(x.targets) == 0:
		return "no registry to look for: name it with --private-registry, a policy file or --image"
	}
	return ""
}

//go:embed check_*.md
var texts embed.FS

// newCheck reads the texts of a check.
func newCheck(id string, needs need, f func(*run, context.Context) Result) Check {
	text, err := texts.ReadFile("check_" + strings.ReplaceAll(id, "-", "_") + ".md")
	if err != nil {
		panic(err) // a check without texts does not pass the tests
	}
	page := strings.TrimSpace(string(text))
	title, _, _ := strings.Cut(page, "\n")
	_, why, _ := strings.Cut(page, "**Why it matters**\n\n")
	why, _, _ = strings.Cut(why, "\n\n**")
	return Check{ID: id, Title: title, Why: why, Page: page, needs: needs, run: f}
}

// Result is the answer that one node gave. Its JSON form is part of doctor's report.
type Result struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Evidence is what was seen, one line each; never empty.
	Evidence []string `json:"evidence"`
	// Fix is what to do, commands included, one a line; empty for a pass or a skip without a remedy.
	Fix string `json:"fix,omitempty"`
}

// Checks lists all checks in the order of the checklist: what most often is wrong, first.
func Checks() []Check {
	return []Check{
		newCheck("mirror-config", aNode, (*run).mirrorConfig),
		newCheck("resolution", aNode, (*run).resolution),
		newCheck("rollout", aCluster, (*run).rollout),
		newCheck("stale-ingests", aNode, (*run).staleIngests),
		newCheck("dns", aRegistry, (*run).dns),
		newCheck("reachability", aRegistry, (*run).reachability),
		newCheck("pull-secret", aCluster|aRegistry, (*run).pullSecret),
		newCheck("cri-log", aNode|aRegistry, (*run).criLog),
	}
}

// unless makes a warning of an answer that rests on a configuration of which a part could not be read.
func (r Result) unless(unread []string) Result {
	if r.Status == Skip {
		return r
	}
	for _, note := range unread {
		r.Status = Warn
		r.note("%s", note)
	}
	return r
}

// add adds evidence, and takes the status if that is the worst so far.
func (r *Result) add(s Status, format string, args ...any) {
	r.note(format, args...)
	r.Status = worse(s, r.Status)
}

// note adds evidence that changes no status, once: two registries may have a host in common.
func (r *Result) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Evidence, text) {
		r.Evidence = append(r.Evidence, text)
	}
}

// fix adds a way out, each line once.
func (r *Result) fix(format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		if line != "" && !slices.Contains(strings.Split(r.Fix, "\n"), line) {
			r.Fix = strings.TrimPrefix(r.Fix+"\n"+line, "\n")
		}
	}
}

// merge adds what was found elsewhere.
func (r *Result) merge(more *Result) {
	r.Status = worse(more.Status, r.Status)
	for _, e := range more.Evidence {
		r.note("%s", e)
	}
	r.fix("%s", more.Fix)
}

// worse is the worse of two. The empty status is milder than any.
func worse(a, b Status) Status {
	if at := slices.Index(Statuses(), a); at >= 0 && (b == "" || at < slices.Index(Statuses(), b)) {
		return a
	}
	return b
}

// milder is the one of two that worse is not.
func milder(a, b Status) Status {
	if worse(a, b) == a {
		return b
	}
	return a
}

// skip is an answer that says why there is none.
func skip(format string, args ...any) Result {
	return Result{Status: Skip, Evidence: []string{fmt.Sprintf(format, args...)}}
}
