package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// The parts of JUnit's XML that CI systems read.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		junitCounts
		Suite junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		junitCounts
		Cases []junitCase `xml:"testcase"`
	}
	junitCounts struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
	}
	junitCase struct {
		Name      string `xml:"name,attr"`
		ClassName string `xml:"classname,attr"`
		junitPlace
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
		Skipped *junitProblem `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitPlace struct {
		File string `xml:"file,attr,omitempty"`
		Line int    `xml:"line,attr,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a test case for each release: a denied one failed, one that could not be decided was
// skipped, warnings are its output. What could not be checked is a test case with an error.
func writeJUnit(w io.Writer, r *Report) error {
	suite := junitSuite{junitCounts: junitCounts{Name: "spegel-guard"}}
	for i := range r.Releases {
		suite.Cases = append(suite.Cases, junitRelease(&r.Releases[i]))
	}
	for _, e := range r.Errors {
		if !e.Fatal {
			continue
		}
		suite.Cases = append(suite.Cases, junitCase{
			Name: join(" ", "check", e.File), ClassName: suite.Name, junitPlace: inFile(e.Place),
			Error: &junitProblem{Message: e.Message, Type: "not-checked", Text: join(": ", e.String(), e.Message)},
		})
	}
	for i := range suite.Cases {
		c := &suite.Cases[i]
		suite.Tests++
		switch {
		case c.Failure != nil:
			suite.Failures++
		case c.Error != nil:
			suite.Errors++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	enc := xml.NewEncoder(&out)
	enc.Indent("", "  ")
	if err := enc.Encode(junitSuites{junitCounts: suite.junitCounts, Suite: suite}); err != nil {
		return err
	}
	_, err := w.Write(append(escape(out.Bytes(), inXML), '\n'))
	return err
}

func junitRelease(r *Release) junitCase {
	c := junitCase{Name: r.ID(), ClassName: "spegel-guard", junitPlace: inFile(r.Place)}
	if len(r.From) > 0 {
		c.Name += " from " + strings.Join(r.From, " > ")
	}
	entries := r.Entries()
	var lines []string
	for _, e := range entries {
		lines = append(lines, join("; ", join(": ", e.String(), e.label(), e.what()), e.Fix, "see "+e.Documentation))
	}
	text := strings.Join(lines, "\n")
	switch r.Verdict {
	case VerdictDeny:
		c.Failure = &junitProblem{Message: headline(r.Verdict, entries), Type: string(r.Verdict), Text: text}
	case VerdictUnresolved:
		c.Skipped = &junitProblem{Message: headline(r.Verdict, entries), Text: text}
	case VerdictWarn, VerdictPass:
		c.Out = text
	}
	return c
}

// inFile is a place, but nothing for standard input or a cluster, which are no file.
func inFile(p Place) junitPlace {
	if !p.onDisk() {
		return junitPlace{}
	}
	return junitPlace{p.File, p.Line}
}
