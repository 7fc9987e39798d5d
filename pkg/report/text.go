package report

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// writeText writes the report for a person: each release with what is wrong, where, and what to change;
// then what could not be checked; then one line that counts it all.
func writeText(w io.Writer, r *Report, o Options) error {
	s := style(o.Color)
	lines := &sources{read: o.ReadFile, style: s, files: map[string][][]rune{}}
	return render(w, "text.tmpl", r, template.FuncMap{
		"word": s.word, "bold": s.bold, "source": lines.show, "same": sameReleases,
		"elsewhere": (*Report).elsewhere, "outcome": (*Report).outcome, "pages": (*Report).pages,
		"indent": func(depth int) string { return strings.Repeat("  ", depth) },
		"denied": func(all []Unresolved) bool { return len(all) > 0 && all[0].Severity == validate.Deny },
	})
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

// pages are the pages about what was found, sorted.
func (r *Report) pages() []string {
	var all []string
	for i := range r.Releases {
		for _, e := range r.Releases[i].Entries() {
			page, _, _ := strings.Cut(e.Documentation, "#")
			all = append(all, page)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// outcome is one line that counts it all.
func (r *Report) outcome() string {
	s := Summary{}
	for _, chains := range sameReleases(r.Releases) {
		s.count(chains[0].Verdict)
	}
	found := join(" in ", cmp.Or(count(s.Releases, "release"), "no release")+" of Spegel", count(r.Files, "file"))
	verdicts := join(", ", some(s.Denied, "denied"), some(s.Warned, "with warnings"), some(s.Unresolved, "unresolved"), some(s.Passed, "passed"))
	parts := []string{join(": ", found, verdicts)}
	if errs := count(r.fatal(), "error"); errs != "" {
		parts = append(parts, "not complete: "+errs)
	}
	if unfollowed := count(r.unfollowed(), "reference"); unfollowed != "" {
		parts = append(parts, unfollowed+" that could not be followed")
	}
	return strings.Join(parts, "; ")
}

// elsewhere is one line about what does not concern Spegel; empty if there is nothing.
func (r *Report) elsewhere() string {
	what := join(" and ", count(r.Faults, "fault"), count(r.Remote, "remote resource"))
	switch r.Faults + r.Remote {
	case 0:
		return ""
	case 1:
		return what + " elsewhere does not concern Spegel; -v lists it"
	}
	return what + " elsewhere do not concern Spegel; -v lists them"
}

// count is a number and what is counted; empty for none.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return some(n, what)
}

// some is a number and a word; empty for none.
func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, what)
}
