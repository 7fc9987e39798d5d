package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// writeGitHub writes workflow commands, which GitHub shows as annotations of a pull request. It shows at
// most ten errors and ten warnings of a step. Two releases that are built of the same lines have one
// annotation.
func writeGitHub(w io.Writer, r *Report, o Options) error {
	g := &gitHub{bufio.NewWriter(w), o, map[string]bool{}}
	for i := range r.Releases {
		rel := &r.Releases[i]
		for _, e := range rel.Entries() {
			message := e.what()
			if e.Fix != "" {
				message += "\nfix: " + e.Fix
			}
			g.annotate(e.Severity, e.Place, e.ID+" in "+rel.ID(), message+"\nsee "+e.Documentation)
		}
	}
	for _, e := range r.Errors {
		if e.Fatal {
			g.annotate(validate.Deny, e.Place, "not checked", e.Message)
		}
	}
	return g.Flush()
}

type gitHub struct {
	*bufio.Writer
	options Options
	seen    map[string]bool
}

func (g *gitHub) annotate(severity validate.Severity, at Place, title, message string) {
	command := "warning"
	if severity == validate.Deny {
		command = "error"
	}
	var properties []string
	property := func(name, value string) {
		properties = append(properties, name+"="+escapeProperty(value))
	}
	if at.onDisk() {
		property("file", g.options.relative(at.File))
		if at.Line > 0 {
			property("line", strconv.Itoa(at.Line))
		}
		if at.Column > 0 {
			property("col", strconv.Itoa(at.Column))
		}
	}
	property("title", title)
	line := fmt.Sprintf("::%s %s::%s", command, strings.Join(properties, ","), escapeData(message))
	if !g.seen[line] {
		g.seen[line] = true
		fmt.Fprintln(g, line)
	}
}

// escapeData and escapeProperty are what GitHub's own toolkit does to a message and to a property:
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
// It has no way to write other control characters.
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(Printable(s))
}

func escapeProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escapeData(s))
}
