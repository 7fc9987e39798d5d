package report

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
)

// maxRows is up to how many rows a table has: GitHub refuses a job summary of more than 1 MiB.
const maxRows = 200

// writeMarkdown writes what a job's summary shows: the verdict and a table of what is wrong, then, folded, what could not be
// decided or checked. A release that several chains build of the same lines is shown once.
func writeMarkdown(w io.Writer, r *Report, o Options) error {
	var tables bytes.Buffer
	if err := render(&tables, "markdown.tmpl", r, template.FuncMap{"md": escapeMarkdown, "link": o.link}); err != nil {
		return err
	}
	out := bytes.NewBufferString("### spegel-guard: " + r.outcome() + "\n\n")
	for table := range strings.SplitSeq(strings.TrimSpace(tables.String()), "\n\n") {
		title, lines, _ := strings.Cut(table, "\n")
		writeTable(out, title, strings.Split(lines, "\n"))
	}
	_, err := w.Write(out.Bytes())
	return err
}

// writeTable writes a table whose first two lines are its head, with each row once. One with a title other than Found is folded.
func writeTable(w io.Writer, title string, lines []string) {
	const head = 2
	rows := unique(lines[head:])
	if len(rows) == 0 {
		return
	}
	before, more, after := "", "", ""
	if title != "Found" {
		before, after = fmt.Sprintf("<details><summary>%s (%d)</summary>\n\n", title, len(rows)), "</details>\n\n"
	}
	if left := len(rows) - maxRows; left > 0 {
		rows, more = rows[:maxRows], fmt.Sprintf("\n%d more are not shown here; the other formats have them all.\n", left)
	}
	fmt.Fprintf(w, "%s%s\n%s\n%s\n%s\n%s", before, lines[0], lines[1], strings.Join(rows, "\n"), more, after)
}

// link is file:line, as a link where the files can be seen somewhere.
func (o Options) link(p Place) string {
	if p.File == "" {
		return ""
	}
	if p.onDisk() {
		p.File = o.relative(p.File)
	}
	text := "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(printable(p.String())) + "`"
	if name := p.File; o.BlobURL != "" && p.onDisk() && !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "../") {
		target := strings.TrimRight(o.BlobURL, "/") + (&url.URL{Path: "/" + name}).EscapedPath()
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
