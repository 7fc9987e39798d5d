package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

const (
	// fingerprintKey names how a fingerprint is made. A new way needs a new name.
	fingerprintKey = "spegelGuardFinding/v1"
	// gitHubKey is the one that GitHub tells alerts of a file apart by.
	gitHubKey = "primaryLocationLineHash"
)

// writeSARIF writes one run: a result for each finding and each reference that could not be read, a
// notification for each error.
func writeSARIF(w io.Writer, r *Report, o Options) error {
	s := sarifWriter{sarif.NewRunWithInformationURI("spegel-guard", homepage), o}
	s.run.Tool.Driver.WithRules(sarifRules()).WithVersion(o.Version)
	s.run.WithColumnKind("unicodeCodePoints")
	s.run.WithAutomationDetails(sarif.NewRunAutomationDetails().WithID(s.category()))
	for i := range r.Releases {
		rel := &r.Releases[i]
		for _, e := range rel.Entries() {
			s.result(rel, &e)
		}
	}
	invocation := sarif.NewInvocation().WithExecutionSuccessful(r.Complete())
	for _, e := range r.Errors {
		n := sarif.NewNotification().WithMessage(sarif.NewTextMessage(e.Message)).WithLevel(sarif.LevelNote)
		if e.Fatal {
			n.WithLevel(sarif.LevelError)
		}
		if e.onDisk() {
			n.AddLocation(sarif.NewLocation().WithPhysicalLocation(s.place(e.Place, "")))
		}
		invocation.AddToolExecutionNotification(n)
	}
	s.run.AddInvocation(invocation)
	var out bytes.Buffer
	if err := sarif.NewReport().AddRun(s.run).PrettyWrite(&out); err != nil {
		return err
	}
	_, err := w.Write(append(escape(out.Bytes(), inJSON), '\n'))
	return err
}

type sarifWriter struct {
	run     *sarif.Run
	options Options
}

func level(severity validate.Severity) string {
	switch severity {
	case validate.Deny:
		return sarif.LevelError
	case validate.Warn:
		return sarif.LevelWarning
	default:
		return sarif.LevelNote
	}
}

func (s sarifWriter) result(rel *Release, e *Entry) {
	severity := e.Severity
	if e.ID == EntryUnresolved && severity == validate.Warn {
		severity = validate.Off // no finding
	}
	location := sarif.NewLocation().AddLogicalLocation(
		sarif.NewLogicalLocation().WithName(rel.Name).WithFullyQualifiedName(join(": ", rel.ID(), e.Subject)).WithKind("resource"))
	location.WithPhysicalLocation(s.place(e.Place, join("/", "cluster", rel.Namespace, cmp.Or(rel.Kind, "HelmRelease"), rel.Name)))
	properties := sarif.NewPropertyBag().Add("release", rel.ID())
	if len(rel.From) > 0 {
		properties.Add("from", rel.From)
	}
	s.run.CreateResultForRule(e.ID).
		WithLevel(level(severity)).
		WithMessage(sarif.NewTextMessage(join("; ", e.what(), e.Fix))).
		AddLocation(location).
		WithProperties(properties).
		WithPartialFingerprints(map[string]string{
			fingerprintKey: fingerprint(append([]string{e.ID, rel.Namespace, rel.Name, e.Subject, s.options.relative(e.File)}, rel.From...)),
			// one alert for what several chains build of the same line
			gitHubKey: fingerprint([]string{e.ID, rel.Kind, rel.Namespace, rel.Name, e.Subject}),
		})
}

// fingerprint stays the same when lines move.
func fingerprint(parts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// category is what tells uploads about the same commit apart: the command, and what it was asked to look at. A slash ends it,
// as GitHub has it.
func (s sarifWriter) category() string {
	parts := []string{"spegel-guard", s.options.Command}
	for _, p := range s.options.Paths {
		switch name := s.options.relative(p); {
		case p == "-":
			parts = append(parts, stdinURI)
		case name != ".":
			parts = append(parts, strings.TrimLeft(name, "./"))
		}
	}
	return strings.Join(parts, "/") + "/"
}

// stdinURI stands for standard input, which is no file.
const stdinURI = "stdin"

// place is a point in a file. GitHub takes no result without one: what is in no file has a name that stands for it.
func (s sarifWriter) place(p Place, otherwise string) *sarif.PhysicalLocation {
	uri := url.URL{Path: otherwise}
	artifact := sarif.NewArtifactLocation()
	switch {
	case p.onDisk():
		uri.Path = s.options.relative(p.File)
		if strings.HasPrefix(uri.Path, "/") { // not below the repository
			uri.Scheme = "file"
		} else {
			artifact.WithURIBaseID("%SRCROOT%")
		}
	case p.File == Stdin:
		uri.Path = stdinURI
	}
	line, column := max(p.Line, 1), max(p.Column, 1)
	return sarif.NewPhysicalLocation().
		WithArtifactLocation(artifact.WithURI(uri.String())).
		WithRegion(sarif.NewRegion().WithStartLine(line).WithStartColumn(column).WithEndLine(line).WithEndColumn(column + 1))
}
