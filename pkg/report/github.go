package report

import (
	"bytes"
	"io"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
)

// writeGitHub writes workflow commands, which GitHub shows as annotations of a pull request. It shows at
// most ten errors and ten warnings of a step. Two releases that are built of the same lines have one
// annotation.
func writeGitHub(w io.Writer, r *Report, o Options) error {
	var out bytes.Buffer
	if err := render(&out, "github.tmpl", r, template.FuncMap{"data": escapeData, "property": escapeProperty, "relative": o.relative}); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.Join(unique(strings.SplitAfter(out.String(), "\n")), ""))
	return err
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
