package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
)

// writeJUnit writes a test case for each release: a denied one failed, one that could not be decided was
// skipped, warnings are its output. What could not be checked is a test case with an error.
func writeJUnit(w io.Writer, r *Report) error {
	var out bytes.Buffer
	err := render(&out, "junit.tmpl", r, template.FuncMap{
		"xml": escapeXML, "headline": (*Release).headline, "fatal": (*Report).fatal,
		"tests": func(r *Report) int { return r.Summary.Releases + r.fatal() },
	})
	if err != nil {
		return err
	}
	_, err = w.Write(escape(out.Bytes(), inXML))
	return err
}

func escapeXML(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // it can be written
	return out.String()
}
