package report

import (
	"io"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// DoctorVersion is the version of doctor's JSON document. Version 1 was a stream of documents, one for each node.
const DoctorVersion = "2"

// Examination is what doctor found on one node.
type Examination struct {
	Node   string        `json:"node"` // empty where only the cluster was asked
	Checks []node.Result `json:"checks"`
}

// Count is how many checks have the status.
func (e *Examination) Count(s node.Status) int {
	return many(e.Checks, func(r node.Result) bool { return r.Status == s })
}

// DoctorFormats lists the formats of doctor's report.
func DoctorFormats() []Format { return []Format{Text, JSON} }

// WriteExaminations writes the report of all nodes in one of DoctorFormats.
func (f Format) WriteExaminations(w io.Writer, all []Examination, color bool) error {
	if f == JSON {
		return writeExaminationsJSON(w, all)
	}
	return writeExaminationsText(w, all, color)
}

// writeExaminationsJSON writes one document: of one node, what was found there; of several, a list of that.
func writeExaminationsJSON(w io.Writer, all []Examination) error {
	document := struct {
		SchemaVersion string `json:"schemaVersion"`
		*Examination
		Nodes []Examination `json:"nodes,omitempty"`
	}{SchemaVersion: DoctorVersion, Nodes: all}
	if len(all) == 1 {
		document.Examination, document.Nodes = &all[0], nil
	}
	return encodeJSON(w, document)
}

// writeExaminationsText writes the report for a person: each check with its evidence and, where there is something
// to fix, why it matters and what to do.
func writeExaminationsText(w io.Writer, all []Examination, color bool) error {
	checks := map[string]node.Check{}
	for _, c := range node.Checks() {
		checks[c.ID] = c
	}
	s := style(color)
	return render(w, "doctor.tmpl", all, template.FuncMap{
		"word": s.word, "bold": s.bold, "upper": func(s node.Status) string { return strings.ToUpper(string(s)) },
		"number": (*Examination).Count,
		"about":  func(id string) node.Check { return checks[id] },
		"lines":  func(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") },
	})
}
