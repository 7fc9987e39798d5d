package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// evil would write GitHub commands and new lines, clear the screen in two ways, and turn text round.
const evil = "x\n::stop-commands::\r\x1b[2J\x00\x07\x08\x7f\u0085\u009b2J\u202e\u2066\u2028\"<&>%, y"

// forged is what a repository that somebody else wrote can bring into a report.
func forged() *report.Report {
	res := mixed()
	for i := range res.Releases {
		rel := &res.Releases[i]
		rel.Namespace, rel.Name, rel.Chart, rel.Version, rel.Place.File = evil, evil, evil, evil, evil
		rel.From = []string{evil}
		for j := range rel.Findings {
			f := &rel.Findings[j]
			f.Place.File, f.Path = evil, append(f.Path, evil)
		}
		for j := range rel.Unresolved {
			u := &rel.Unresolved[j]
			u.Kind, u.Namespace, u.Name, u.Key, u.Reason, u.Place.File = evil, evil, evil, evil, evil, evil
		}
	}
	for i := range res.Errors {
		res.Errors[i].Message, res.Errors[i].Place.File = evil, evil
	}
	return report.New(res, policy.UnresolvedWarn)
}

// TestNamesCanNotForgeOutput: whatever the format, no name steers the terminal that the report is shown on,
// and none makes a line of its own.
func TestNamesCanNotForgeOutput(t *testing.T) {
	t.Parallel()
	for _, format := range report.Formats() {
		out := write(t, format, forged(), report.Options{ReadFile: func(string) ([]byte, error) { return []byte(strings.ReplaceAll(evil, "\n", " ")), nil }})
		for line := range strings.Lines(out) {
			steers := func(r rune) bool {
				return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
			}
			if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), steers) || strings.HasPrefix(strings.TrimSpace(line), "::stop") {
				t.Errorf("%s: %q", format, line)
			}
		}
	}
}

// TestStructuredReportsKeepNames: what is escaped there comes back as it was.
func TestStructuredReportsKeepNames(t *testing.T) {
	t.Parallel()
	r := forged()
	var back report.Report
	if err := json.Unmarshal([]byte(write(t, report.JSON, r, report.Options{})), &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Releases[0]; got.Name != evil || got.Namespace != evil || got.From[0] != evil || back.Errors[0].File != evil {
		t.Errorf("json: %+v", got)
	}

	run := parsed(t, r, report.Options{})
	location := run.Results[0].Locations[0]
	if name := *location.LogicalLocations[0].Name; name != evil {
		t.Errorf("sarif: name %q", name)
	}
	uri := *location.PhysicalLocation.ArtifactLocation.URI
	file, err := url.PathUnescape(uri)
	if err != nil || file != evil && file != "./"+evil {
		t.Errorf("sarif: uri %q is %q, error %v", uri, file, err)
	}
	for _, r := range uri {
		if r <= ' ' || r >= unicode.MaxASCII || strings.ContainsRune("\"<>", r) {
			t.Errorf("sarif: uri %q holds %q", uri, r)
		}
	}

	dec := xml.NewDecoder(strings.NewReader(write(t, report.JUnit, r, report.Options{})))
	names := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, _ := token.(xml.StartElement)
		for _, a := range start.Attr {
			// XML 1.0 has no way to write most characters below a blank
			if want := strings.NewReplacer("\x1b", "\ufffd", "\x00", "\ufffd", "\x07", "\ufffd", "\x08", "\ufffd").Replace(evil); a.Name.Local == "file" && a.Value == want {
				names++
			}
		}
	}
	if names < len(r.Releases) {
		t.Errorf("junit: %d files as they were; want one for each of %d releases", names, len(r.Releases))
	}
}
