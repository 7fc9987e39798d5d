package report

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// maxRows is up to how many rows a table has: GitHub refuses a job summary of more than 1 MiB.
const maxRows = 200

// writeMarkdown writes what a job's summary shows: the verdict and a table of what is wrong, then, folded, what could not be
// decided or checked. A release that several chains build of the same lines is shown once.
func writeMarkdown(w io.Writer, r *Report, o Options) error {
	m := &markdown{bufio.NewWriter(w), o}
	fmt.Fprintf(m, "### spegel-guard: %s\n\n", r.outcome())
	m.table("", []string{"", "release", "finding", "where"}, m.entries(r, false))
	m.table("Not decided", []string{"release", "what could not be read", "where"}, m.entries(r, true))
	m.table("Not checked", []string{"", "what", "where"}, m.unchecked(r))
	return m.Flush()
}

type markdown struct {
	*bufio.Writer
	options Options
}

// table writes rows, each once, below a title that folds them; without a title they are not folded.
func (m *markdown) table(title string, head []string, rows [][]string) {
	var lines []string
	seen := map[string]bool{}
	for _, row := range rows {
		line := "| " + strings.Join(row, " | ") + " |\n"
		if !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(m, "<details><summary>%s (%d)</summary>\n\n", title, len(lines))
	}
	fmt.Fprintf(m, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, line := range lines[:min(len(lines), maxRows)] {
		_, _ = m.WriteString(line) // Flush returns the error
	}
	if more := len(lines) - maxRows; more > 0 {
		fmt.Fprintf(m, "\n%d more are not shown here; the other formats have them all.\n", more)
	}
	fmt.Fprintln(m)
	if title != "" {
		fmt.Fprint(m, "</details>\n\n")
	}
}

// entries has a row for each finding and each problem, or for each reference that could not be read.
func (m *markdown) entries(r *Report, unresolved bool) [][]string {
	var rows [][]string
	for i := range r.Releases {
		id := escapeMarkdown(r.Releases[i].ID())
		for _, e := range r.Releases[i].Entries() {
			text := escapeMarkdown(join(": ", e.Subject, e.Message))
			if e.Fix != "" {
				text += "; **fix:** " + escapeMarkdown(e.Fix)
			}
			switch {
			case unresolved != (e.ID == EntryUnresolved):
			case unresolved:
				rows = append(rows, []string{id, text, m.link(e.Place)})
			default:
				rows = append(rows, []string{string(e.Severity), id, fmt.Sprintf("%s [%s](%s)", text, e.ID, e.Documentation), m.link(e.Place)})
			}
		}
	}
	return rows
}

// unchecked has a row for each error that matters and each thing that could not be followed.
func (m *markdown) unchecked(r *Report) (rows [][]string) {
	for i := range r.Errors {
		if e := &r.Errors[i]; e.Fatal || e.Unfollowed {
			rows = append(rows, []string{e.label(), escapeMarkdown(e.Message), m.link(e.Place)})
		}
	}
	return rows
}

// link is file:line, as a link where the files can be seen somewhere.
func (m *markdown) link(p Place) string {
	if p.File == "" {
		return ""
	}
	if p.onDisk() {
		p.File = m.options.relative(p.File)
	}
	text := "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(printable(p.String())) + "`"
	if name := p.File; m.options.BlobURL != "" && p.onDisk() && !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "../") {
		target := strings.TrimRight(m.options.BlobURL, "/") + (&url.URL{Path: "/" + name}).EscapedPath()
		if p.Line > 0 {
			target += fmt.Sprintf("#L%d", p.Line)
		}
		text = fmt.Sprintf("[%s](%s)", text, strings.NewReplacer("(", "%28", ")", "%29", "|", "%7C").Replace(target))
	}
	if p.Approximate {
		text += " (nearest)"
	}
	return text
}

// escapeMarkdown makes one line of a text that Markdown shows as it is, in a table too.
func escapeMarkdown(s string) string {
	var b strings.Builder
	for _, r := range printable(s) {
		if strings.ContainsRune("\\`*_{}[]<>()#+!|~&@$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
