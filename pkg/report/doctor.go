package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// DoctorVersion is the version of doctor's JSON document. Version 1 was a stream of documents, one for each node.
const DoctorVersion = "2"

// Examination is what doctor found on one node.
type Examination struct {
	Node   string         `json:"node"` // empty where only the cluster was asked
	Checks []CheckOutcome `json:"checks"`
}

// CheckOutcome is one check's answer.
type CheckOutcome struct {
	Check    string      `json:"check"`
	Status   node.Status `json:"status"`
	Evidence []string    `json:"evidence"`
	Fix      string      `json:"fix,omitempty"`
}

// NewExamination makes a report of a node's results.
func NewExamination(name string, results []node.Result) Examination {
	e := Examination{Node: name}
	for _, r := range results {
		e.Checks = append(e.Checks, CheckOutcome{r.Check, r.Status, r.Evidence, r.Fix})
	}
	return e
}

// Count is how many checks have the status.
func (e *Examination) Count(s node.Status) int {
	n := 0
	for i := range e.Checks {
		if e.Checks[i].Status == s {
			n++
		}
	}
	return n
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
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if len(all) == 1 {
		return enc.Encode(struct {
			SchemaVersion string `json:"schemaVersion"`
			Examination
		}{DoctorVersion, all[0]})
	}
	return enc.Encode(struct {
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
	style  style
	checks map[string]node.Check
}

func (t *examinationText) node(e *Examination) {
	name := "no node, only the cluster"
	if e.Node != "" {
		name = "node " + printable(e.Node)
	}
	fmt.Fprintf(t, "%s\n\n", t.style.bold(name))
	for i := range e.Checks {
		t.outcome(&e.Checks[i])
	}
	var parts []string
	for _, s := range []struct {
		status node.Status
		text   string
	}{{node.Fail, "failed"}, {node.Warn, "with a warning"}, {node.Pass, "passed"}, {node.Skip, "skipped"}} {
		if n := e.Count(s.status); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.text))
		}
	}
	fmt.Fprintf(t, "%s: %s\n", count(len(e.Checks), "check"), strings.Join(parts, ", "))
}

func (t *examinationText) outcome(c *CheckOutcome) {
	about := t.checks[c.Check]
	fmt.Fprintf(t, "%s %s: %s\n", t.style.outcome(c.Status), t.style.bold(c.Check), about.Title)
	for _, line := range c.Evidence {
		fmt.Fprintf(t, "  - %s\n", printable(line))
	}
	if c.Status == node.Fail || c.Status == node.Warn {
		fmt.Fprintf(t, "  %s %s\n", t.style.bold("why:"), about.Why)
	}
	label := "fix:"
	for line := range strings.Lines(c.Fix) {
		fmt.Fprintf(t, "  %s %s\n", t.style.bold(label), printable(strings.TrimSuffix(line, "\n")))
		label = "    "
	}
	fmt.Fprintln(t)
}

func (s style) outcome(status node.Status) string {
	text := strings.ToUpper(string(status))
	switch status {
	case node.Fail:
		return s.paint("1;31", text)
	case node.Warn:
		return s.paint("1;33", text)
	case node.Pass:
		return s.paint("1;32", text)
	case node.Skip:
	}
	return text
}
