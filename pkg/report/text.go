package report

import (
	"bufio"
	"fmt"
	"io"
	"maps"
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
	style
	sources *sources
}

func writeText(w io.Writer, r *Report, o Options) error {
	t := &textWriter{bufio.NewWriter(w), style(o.Color), &sources{o.ReadFile, map[string][][]rune{}}}
	for _, chains := range sameReleases(r.Releases) {
		t.release(chains)
	}
	t.errors(r)
	t.documentation(r)
	fmt.Fprintln(t, t.bold(r.outcome()))
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
	fmt.Fprintf(t, "%s %s", t.word(string(r.Verdict)), t.bold(printable(r.ID())))
	if chart := join(" ", r.Chart, r.Version); chart != "" {
		fmt.Fprintf(t, " (%s)", printable(chart))
	}
	for _, note := range []struct {
		holds bool
		text  string
	}{{r.Suspended, "suspended"}, {r.Deleting, "being deleted"}, {r.Inactive, "not built"}} {
		if note.holds {
			fmt.Fprint(t, ", ", note.text)
		}
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
			fmt.Fprintf(t, "  runs: %s\n", printable(runs(&r.Cluster.DaemonSets[i])))
		}
	}
	for _, e := range r.Entries() {
		t.entry(&e)
	}
	if len(r.Unresolved) > 0 && r.Unresolved[0].Severity == validate.Deny {
		fmt.Fprintln(t, "  unresolved values are denied here, as the policy file or --unresolved says")
	}
	fmt.Fprintln(t)
}

// entry writes one entry with its place, the line that stands there, and the fix.
func (t *textWriter) entry(e *Entry) {
	fmt.Fprintf(t, "  %s: %s\n", t.word(e.label()), printable(e.what()))
	if place := e.String(); place != "" {
		fmt.Fprintf(t, "    --> %s\n", printable(place))
	}
	if line, caret, ok := t.sources.line(e.Place); ok && !e.Secret {
		number := strconv.Itoa(e.Line)
		fmt.Fprintf(t, "    %s | %s\n", number, line)
		if e.Column > 0 {
			fmt.Fprintf(t, "    %s | %s\n", strings.Repeat(" ", len(number)), caret+t.bold("^"))
		}
	}
	if e.Fix != "" {
		fmt.Fprintf(t, "    %s %s\n", t.bold("fix:"), printable(e.Fix))
	}
}

func (t *textWriter) errors(r *Report) {
	for _, e := range r.Errors {
		fmt.Fprintf(t, "%s: %s\n", t.word(e.label()), printable(join(": ", e.String(), e.Message)))
	}
	if elsewhere := r.elsewhere(); elsewhere != "" {
		fmt.Fprintln(t, elsewhere)
	}
	if len(r.Errors) > 0 || r.elsewhere() != "" {
		fmt.Fprintln(t)
	}
}

// documentation names the pages about what was found.
func (t *textWriter) documentation(r *Report) {
	pages := map[string]bool{}
	for i := range r.Releases {
		for _, e := range r.Releases[i].Entries() {
			page, _, _ := strings.Cut(e.Documentation, "#")
			pages[page] = true
		}
	}
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		fmt.Fprintln(t, "see", page)
	}
	if len(pages) > 0 {
		fmt.Fprintln(t)
	}
}

// outcome is one line that counts it all.
func (r *Report) outcome() string {
	s := Summary{}
	for _, chains := range sameReleases(r.Releases) {
		s.count(chains[0].Verdict)
	}
	found := "no release of Spegel"
	if s.Releases > 0 {
		found = count(s.Releases, "release") + " of Spegel"
	}
	if r.Files > 0 {
		found += " in " + count(r.Files, "file")
	}
	verdicts := join(", ", some(s.Denied, "denied"), some(s.Warned, "with warnings"), some(s.Unresolved, "unresolved"), some(s.Passed, "passed"))
	parts := []string{join(": ", found, verdicts)}
	if n := r.fatal(); n > 0 {
		parts = append(parts, "not complete: "+count(n, "error"))
	}
	if n := r.unfollowed(); n > 0 {
		parts = append(parts, count(n, "reference")+" that could not be followed")
	}
	return strings.Join(parts, "; ")
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

// some is a number and a word; empty for none.
func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, what)
}
