package report

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// textWriter writes the report for a person: each release with what is wrong, where, and what to change;
// then what could not be checked; then one line that counts it all.
type textWriter struct {
	*bufio.Writer
	style   style
	sources *sources
}

func writeText(w io.Writer, r *Report, o Options) error {
	t := &textWriter{bufio.NewWriter(w), style(o.Color), newSources(o.ReadFile)}
	for _, chains := range sameReleases(r.Releases) {
		t.release(chains)
	}
	t.errors(r)
	t.documentation(r)
	t.summary(r)
	return t.Flush()
}

// sameReleases puts together the releases that differ in nothing but the chain of Kustomizations that builds them.
func sameReleases(releases []Release) (out [][]Release) {
	for i := range releases {
		at := slices.IndexFunc(out, func(same []Release) bool {
			a, b := same[0], releases[i]
			a.From, b.From = nil, nil
			return len(releases[i].From) > 0 && len(same[0].From) > 0 && reflect.DeepEqual(a, b)
		})
		if at >= 0 {
			out[at] = append(out[at], releases[i])
		} else {
			out = append(out, releases[i:i+1:i+1])
		}
	}
	return out
}

func (t *textWriter) release(chains []Release) {
	r := &chains[0]
	fmt.Fprintf(t, "%s %s", t.style.verdict(r.Verdict), t.style.bold(printable(r.ID())))
	if chart := join(" ", r.Chart, r.Version); chart != "" {
		fmt.Fprintf(t, " (%s)", printable(chart))
	}
	var notes []string
	if r.Suspended {
		notes = append(notes, "suspended")
	}
	if r.Deleting {
		notes = append(notes, "being deleted")
	}
	if r.Inactive {
		notes = append(notes, "nothing builds it")
	}
	if len(notes) > 0 {
		fmt.Fprintf(t, ", %s", strings.Join(notes, ", "))
	}
	fmt.Fprintln(t)
	if place := r.Place.String(); place != "" {
		fmt.Fprintf(t, "  at %s\n", printable(place))
	}
	for n := range chains {
		for i, from := range chains[n].From {
			word := "in"
			if i == 0 {
				word = "built by"
			}
			fmt.Fprintf(t, "  %s%s %s\n", strings.Repeat("  ", i), word, printable(from))
		}
	}
	if r.Cluster != nil {
		for i := range r.Cluster.DaemonSets {
			fmt.Fprintf(t, "  runs: %s\n", printable(r.Cluster.DaemonSets[i].String()))
		}
	}
	for _, e := range r.Entries() {
		t.entry(&e)
	}
	if len(r.Unresolved) > 0 && r.Unresolved[0].Severity == validate.Deny {
		fmt.Fprintln(t, "  what is unresolved denies here: the policy file or --unresolved says so")
	}
	fmt.Fprintln(t)
}

// entry writes one entry with its place, the line that stands there, and the fix.
func (t *textWriter) entry(e *Entry) {
	fmt.Fprintf(t, "  %s: %s\n", t.style.severity(e.Severity, e.label()), printable(e.what()))
	if place := e.String(); place != "" {
		fmt.Fprintf(t, "    --> %s\n", printable(place))
	}
	if line, caret, ok := t.sources.line(e.Place); ok && !e.Secret {
		number := strconv.Itoa(e.Line)
		fmt.Fprintf(t, "    %s | %s\n", number, line)
		if e.Column > 0 {
			fmt.Fprintf(t, "    %s | %s\n", strings.Repeat(" ", len(number)), caret+t.style.bold("^"))
		}
	}
	if e.Fix != "" {
		fmt.Fprintf(t, "    %s %s\n", t.style.bold("fix:"), printable(e.Fix))
	}
}

func (t *textWriter) errors(r *Report) {
	for _, e := range r.Errors {
		switch {
		case e.Fatal:
			fmt.Fprintf(t, "%s %s\n", t.style.severity(validate.Deny, "error:"), printable(join(": ", e.String(), e.Message)))
		case e.Unfollowed:
			fmt.Fprintf(t, "%s %s\n", t.style.severity(validate.Warn, "not followed:"), printable(join(": ", e.String(), e.Message)))
		default:
			fmt.Fprintf(t, "%s %s\n", t.style.severity(validate.Warn, "warning:"), printable(join(": ", e.String(), e.Message)))
		}
	}
	if elsewhere := r.elsewhere(); elsewhere != "" {
		fmt.Fprintln(t, elsewhere)
	}
	if len(r.Errors) > 0 || r.elsewhere() != "" {
		fmt.Fprintln(t)
	}
}

// documentation says where to read about what was found.
func (t *textWriter) documentation(r *Report) {
	findings, problems := false, false
	for i := range r.Releases {
		rel := &r.Releases[i]
		findings = findings || len(rel.Findings) > 0
		problems = problems || rel.Cluster != nil && len(rel.Cluster.Problems) > 0
	}
	if findings {
		fmt.Fprintln(t, "the rules:", rulesPage)
	}
	if problems {
		fmt.Fprintln(t, "what only a cluster knows:", problemsPage)
	}
	if findings || problems {
		fmt.Fprintln(t)
	}
}

func (t *textWriter) summary(r *Report) {
	s := Summary{}
	for _, chains := range sameReleases(r.Releases) {
		s.count(chains[0].Verdict)
	}
	parts := []string{count(s.Releases, "release") + " of Spegel"}
	if s.Releases == 0 {
		parts[0] = "no release of Spegel"
	}
	if r.Files > 0 {
		parts[0] += " in " + count(r.Files, "file")
	}
	verdicts := ""
	for _, v := range []struct {
		n    int
		text string
	}{{s.Denied, "denied"}, {s.Warned, "with warnings"}, {s.Unresolved, "unresolved"}, {s.Passed, "passed"}} {
		if v.n > 0 {
			verdicts = join(", ", verdicts, fmt.Sprintf("%d %s", v.n, v.text))
		}
	}
	parts[0] = join(": ", parts[0], verdicts)
	fatal := r.fatal()
	if fatal > 0 {
		parts = append(parts, "not complete: "+count(fatal, "error"))
	}
	if n := r.unfollowed(); n > 0 {
		parts = append(parts, count(n, "reference")+" that could not be followed")
	}
	fmt.Fprintln(t, t.style.bold(strings.Join(parts, "; ")))
}

// elsewhere is one line about what does not concern Spegel; empty if there is nothing.
func (r *Report) elsewhere() string {
	parts := ""
	if r.Faults > 0 {
		parts = count(r.Faults, "fault")
	}
	if r.Remote > 0 {
		parts = join(" and ", parts, count(r.Remote, "remote resource"))
	}
	switch r.Faults + r.Remote {
	case 0:
		return ""
	case 1:
		return parts + " elsewhere does not concern Spegel; -v lists it"
	}
	return parts + " elsewhere do not concern Spegel; -v lists them"
}

// count is a number and what is counted.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
