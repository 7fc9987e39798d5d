package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// fingerprintKey names how a fingerprint is made. A new way needs a new name.
const fingerprintKey = "spegelGuardFinding/v1"

// writeSARIF writes one run: a result for each finding and each reference that could not be read, a
// notification for each error.
func writeSARIF(w io.Writer, r *Report, o Options) error {
	s := sarifWriter{sarif.NewRunWithInformationURI("spegel-guard", homepage), o}
	s.run.Tool.Driver.WithRules(sarifRules()).WithVersion(o.Version)
	s.run.WithColumnKind("unicodeCodePoints")
	for i := range r.Releases {
		rel := &r.Releases[i]
		for j := range rel.Findings {
			f := &rel.Findings[j]
			s.result(rel, f.Rule, level(f.Severity, sarif.LevelWarning), f.Path, f.text()+"; "+f.Fix, f.Place)
		}
		for j := range rel.Unresolved {
			u := &rel.Unresolved[j]
			s.result(rel, unresolvedRule, level(u.Severity, sarif.LevelNote), u.Object(), u.text(), u.Place)
		}
		for _, p := range rel.problems() {
			s.result(rel, p.Problem, sarif.LevelWarning, "", p.text()+"; "+p.Fix, Place{})
		}
	}
	invocation := sarif.NewInvocation().WithExecutionSuccessful(r.Complete())
	for _, e := range r.Errors {
		n := sarif.NewNotification().WithMessage(sarif.NewTextMessage(e.Message)).WithLevel(sarif.LevelNote)
		if e.Fatal {
			n.WithLevel(sarif.LevelError)
		}
		if e.onDisk() {
			n.AddLocation(sarif.NewLocation().WithPhysicalLocation(s.place(e.Place)))
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

func level(severity validate.Severity, otherwise string) string {
	if severity == validate.Deny {
		return sarif.LevelError
	}
	return otherwise
}

func (s sarifWriter) result(rel *Release, rule, level, path, message string, at Place) {
	location := sarif.NewLocation().AddLogicalLocation(
		sarif.NewLogicalLocation().WithName(rel.Name).WithFullyQualifiedName(join(": ", rel.ID(), path)).WithKind("resource"))
	if at.onDisk() {
		location.WithPhysicalLocation(s.place(at))
	}
	properties := sarif.NewPropertyBag().Add("release", rel.ID())
	if len(rel.From) > 0 {
		properties.Add("from", rel.From)
	}
	s.run.CreateResultForRule(rule).
		WithLevel(level).
		WithMessage(sarif.NewTextMessage(message)).
		AddLocation(location).
		WithProperties(properties).
		WithPartialFingerprints(map[string]string{fingerprintKey: s.fingerprint(rel, rule, path, at)})
}

// fingerprint stays the same when lines move, and differs for each chain that builds the release.
func (s sarifWriter) fingerprint(rel *Release, rule, path string, at Place) string {
	parts := append([]string{rule, rel.Namespace, rel.Name, path, s.options.relative(at.File)}, rel.From...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (s sarifWriter) place(p Place) *sarif.PhysicalLocation {
	uri := url.URL{Path: s.options.relative(p.File)}
	artifact := sarif.NewArtifactLocation()
	if strings.HasPrefix(uri.Path, "/") { // not below the repository
		uri.Scheme = "file"
	} else {
		artifact.WithURIBaseID("%SRCROOT%")
	}
	artifact.WithURI(uri.String())
	out := sarif.NewPhysicalLocation().WithArtifactLocation(artifact)
	if p.Line > 0 {
		region := sarif.NewRegion().WithStartLine(p.Line)
		if p.Column > 0 {
			region.WithStartColumn(p.Column)
		}
		out.WithRegion(region)
	}
	return out
}
