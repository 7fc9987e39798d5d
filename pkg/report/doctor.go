package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

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
	if len(all) == 1 {
		return encodeJSON(w, struct {
			SchemaVersion string `json:"schemaVersion"`
			Examination
		}{DoctorVersion, all[0]})
	}
	return encodeJSON(w, struct {
		SchemaVersion string        `json:"schemaVersion"`
		Nodes         []Examination `json:"nodes"`
	}{DoctorVersion, all})
}

// writeExaminationsText writes the report for a person: each check with its evidence and, where there is something
// to fix, why it matters and what to do.
func writeExaminationsText(w io.Writer, all []Examination, color bool) error {
	t := &examinationText{bufio.NewWriter(w), style(color), map[string]node.Check{}}
	for _, c := range node.Checks() {
		t.checks[c.ID] = c
	}
	for i := range all {
		if i > 0 {
			fmt.Fprintln(t)
		}
		t.node(&all[i])
	}
	return t.Flush()
}

type examinationText struct {
	*bufio.Writer
	style
	checks map[string]node.Check
}

func (t *examinationText) node(e *Examination) {
	name := "no node, only the cluster"
	if e.Node != "" {
		name = "node " + printable(e.Node)
	}
	fmt.Fprintf(t, "%s\n\n", t.bold(name))
	for i := range e.Checks {
		t.outcome(&e.Checks[i])
	}
	counts := join(", ", some(e.Count(node.Fail), "failed"), some(e.Count(node.Warn), "with a warning"), some(e.Count(node.Pass), "passed"), some(e.Count(node.Skip), "skipped"))
	fmt.Fprintf(t, "%s: %s\n", count(len(e.Checks), "check"), counts)
}

func (t *examinationText) outcome(c *node.Result) {
	about := t.checks[c.Check]
	fmt.Fprintf(t, "%s %s: %s\n", t.word(strings.ToUpper(string(c.Status))), t.bold(c.Check), about.Title)
	for _, line := range c.Evidence {
		fmt.Fprintf(t, "  - %s\n", printable(line))
	}
	if c.Status == node.Fail || c.Status == node.Warn {
		fmt.Fprintf(t, "  %s %s\n", t.bold("why:"), about.Why)
	}
	label := "fix:"
	for line := range strings.Lines(c.Fix) {
		fmt.Fprintf(t, "  %s %s\n", t.bold(label), printable(strings.TrimSuffix(line, "\n")))
		label = "    "
	}
	fmt.Fprintln(t)
}
