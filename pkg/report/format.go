package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is how a report is written.
type Format string

// The formats.
const (
	Text   Format = "text"   // for a person
	JSON   Format = "json"   // for programs; SchemaVersion says which form
	SARIF  Format = "sarif"  // SARIF 2.1.0, for code scanning
	JUnit  Format = "junit"  // JUnit XML, for test reports
	GitHub Format = "github" // GitHub workflow commands, for annotations

	Markdown Format = "markdown" // for the summary of a job
)

// Formats lists all formats.
func Formats() []Format { return []Format{Text, JSON, SARIF, JUnit, GitHub, Markdown} }

// ParseFormat is the format of that name, of those that there are. No other name stands for one.
func ParseFormat(name string, formats []Format) (Format, error) {
	if f := Format(name); slices.Contains(formats, f) {
		return f, nil
	}
	return "", fmt.Errorf("format %q: want one of %s", name, strings.Join(Names(formats), ", "))
}

// Names are what the formats are called.
func Names(formats []Format) []string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, string(f))
	}
	return names
}

// Options are what a format may need beside the report. The zero value will do.
type Options struct {
	// Version of the program.
	Version string
	// Command is what was run, such as check, and Paths what it was asked to look at: sarif tells runs apart by them.
	Command string
	Paths   []string
	// Color is for the text format on a terminal.
	Color bool
	// ReadFile reads a file that the report names, for the text format to show its lines; nil for none.
	ReadFile func(name string) ([]byte, error)
	// Dir is the working directory, absolute, and Root that of the git repository around it, if there is one: sarif, github
	// and markdown name files relative to Root, or else to Dir.
	Dir, Root string
	// BlobURL is where a browser finds the files below Root, for links of the markdown format; empty for nowhere.
	BlobURL string
}

// Write writes the report. An error is the writer's, or says that there is no such format.
func (f Format) Write(w io.Writer, r *Report, o Options) error {
	switch f {
	case Text:
		return writeText(w, r, o)
	case JSON:
		return encodeJSON(w, r)
	case SARIF:
		return writeSARIF(w, r, o)
	case JUnit:
		return writeJUnit(w, r)
	case GitHub:
		return writeGitHub(w, r, o)
	case Markdown:
		return writeMarkdown(w, r, o)
	}
	_, err := ParseFormat(string(f), Formats())
	return err
}
