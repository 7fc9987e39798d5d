package report_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// at is a report of one finding at a place.
func at(p fluxrepo.Place, origin release.Origin) *report.Report {
	res := stream()
	res.Releases[0].Findings = found(nil, origin, p)
	return report.New(res, policy.UnresolvedWarn)
}

func TestTextShowsTheLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200) + ": y" + strings.Repeat("z", 200)
	for name, c := range map[string]struct {
		file, data   string
		line, column int
		want         string
	}{
		"with a caret under the column":            {"a.yaml", "a:\n  b: 1\n", 2, 3, "    2 |   b: 1\n      |   ^\n"},
		"without one if the column is not known":   {"a.yaml", "a:\n  b: 1\n", 2, 0, "    2 |   b: 1\n    fix"},
		"of a stream":                              {"<stdin>", "a: 1", 1, 1, "    1 | a: 1\n      | ^\n"},
		"of a file with Windows line ends":         {"a.yml", "a:\r\n  b: 1\r\n", 2, 3, "    2 |   b: 1\n      |   ^\n"},
		"of a file with a byte-order mark":         {"a.yaml", "\ufeffa: 1\n", 1, 1, "    1 | a: 1\n"},
		"with columns counted in code points":      {"a.yaml", "ä: {ö: 1}\n", 1, 5, "    1 | ä: {ö: 1}\n      |     ^\n"},
		"with tabs as wide as they are counted":    {"a.yaml", "a:\t1\n", 1, 4, "    1 | a: 1\n      |    ^\n"},
		"without control characters":               {"a.yaml", "a: 1 # \u202e\u0085\n", 1, 1, "    1 | a: 1 # \ufffd\ufffd\n"},
		"cut around the column if it is long":      {"a.yaml", long, 1, 201, "    1 | ..." + long[140:260] + "...\n      | " + strings.Repeat(" ", 63) + "^\n"},
		"of a HelmRelease that refers to a Secret": {"a.yaml", "kind: HelmRelease\nspec:\n  valuesFrom:\n  - kind: Secret\n", 4, 5, "    4 |   - kind: Secret\n"},
		"of a patch of something else":             {"a.yaml", "patches:\n- patch: |\n    kind: ConfigMap\n", 3, 5, "    3 |     kind: ConfigMap\n"},
		"of a document beside a Secret":            {"a.yaml", "kind: Secret\n---\nkind: ConfigMap\n", 3, 1, "    3 | kind: ConfigMap\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(string) ([]byte, error) { return []byte(c.data), nil }
			got := write(t, report.Text, at(fluxrepo.Place{File: c.file, Line: c.line, Column: c.column}, release.Origin{}), report.Options{ReadFile: read})
			if !strings.Contains(got, c.want) {
				t.Errorf("got\n%s\nwant in it\n%s", got, c.want)
			}
		})
	}
}

func TestTextShowsNoLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, data string
		line       int
		origin     release.Origin
		err        error
	}{
		"of a value that comes out of a Secret":      {file: "a.yaml", data: "hidden", line: 1, origin: release.Origin{Kind: "Secret"}},
		"of a Secret":                                {file: "a.yaml", data: "kind: Secret\nstringData:\n  hidden: 1\n", line: 3},
		"of a Secret in JSON":                        {file: "a.json", data: `{"kind": "Secret", "stringData": {"hidden": "1"}}`, line: 1},
		"of a Secret in a list":                      {file: "a.yaml", data: "kind: List\nitems:\n- kind: Secret\n  stringData:\n    hidden: 1\n", line: 5},
		"of a Secret in a list in a list":            {file: "a.yaml", data: "kind: List\nitems:\n- kind: List\n  items:\n  - kind: Secret\n    stringData:\n      hidden: 1\n", line: 7},
		"of what generates a Secret":                 {file: "a.yaml", data: "secretGenerator:\n- literals:\n  - hidden=1\n", line: 3},
		"of a patch of a Secret":                     {file: "a.yaml", data: "patches:\n- patch: |\n    {kind: Secret, stringData: {a: hidden}}\n", line: 3},
		"of operations on a Secret":                  {file: "a.yaml", data: "patchesJson6902:\n- target: {kind: Secret}\n  patch: '[{op: add, path: /x, value: hidden}]'\n", line: 3},
		"of a patch of a Secret in a Kustomization":  {file: "a.yaml", data: "kind: Kustomization\nspec:\n  patches:\n  - patch: '{kind: Secret, data: {a: hidden}}'\n", line: 4},
		"of a document that can't be read":           {file: "a.yaml", data: "a: [\nhidden\n", line: 2},
		"of a file that is no YAML":                  {file: "a.env", data: "hidden=1", line: 1},
		"of a file without a name's end":             {file: "secrets", data: "hidden=1", line: 1},
		"of a file that is gone":                     {file: "a.yaml", line: 1, err: errors.New("gone")},
		"of a file that has become shorter":          {file: "a.yaml", data: "hidden: 1", line: 7},
		"of a file that is not in UTF-8":             {file: "a.yaml", data: "hidden: \xff", line: 1},
		"of a place whose line is not known":         {file: "a.yaml", data: "hidden: 1", line: 0},
		"of a line that is shorter than it had been": {file: "a.yaml", data: "hi", line: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(string) ([]byte, error) { return []byte(c.data), c.err }
			got := write(t, report.Text, at(fluxrepo.Place{File: c.file, Line: c.line, Column: 4}, c.origin), report.Options{ReadFile: read})
			if strings.Contains(got, "hi") && strings.Contains(got, " | ") {
				t.Errorf("a line is shown\n%s", got)
			}
		})
	}
}

func TestTextIsColouredOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	r := report.New(mixed(), policy.UnresolvedWarn)
	plain := write(t, report.Text, r, report.Options{ReadFile: readFile})
	if strings.Contains(plain, "\x1b") {
		t.Error("colour that nobody asked for")
	}
	golden(t, "mixed.color", write(t, report.Text, r, report.Options{ReadFile: readFile, Color: true}))
}

func TestGitHubEscapesWhatGitHubWants(t *testing.T) {
	t.Parallel()
	res := &fluxrepo.Result{Errors: []fluxrepo.Error{{Place: fluxrepo.Place{File: "a,b:c%\r\n.yaml", Line: 3}, Message: "50%, a: b\r\nc", Fatal: true}}}
	got := write(t, report.GitHub, report.New(res, policy.UnresolvedWarn), report.Options{})
	want := "::error file=a%2Cb%3Ac%25%0D%0A.yaml,line=3,title=not checked::50%25, a: b%0D%0Ac\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestGitHubAnnotatesALineOnceForTwoClusters(t *testing.T) {
	t.Parallel()
	res := stream()
	res.Releases = append(res.Releases, res.Releases[0])
	res.Releases[1].From = []string{"other/ks.yaml#flux-system/apps"}
	if got := write(t, report.GitHub, report.New(res, policy.UnresolvedWarn), report.Options{}); strings.Count(got, "\n") != 1 {
		t.Errorf("got\n%s", got)
	}
}

// Quadratic time would not end before the tests' time is up: one document of 20,000 lines, one line of 20,000 entries.
func TestManyProblemsInOneDocument(t *testing.T) {
	t.Parallel()
	const n = 20_000
	lines, entry := "kind: HelmRelease\nlist:\n"+strings.Repeat("  - https://registry.example.com\n", n), "https://registry.example.com, "
	res := stream()
	first := res.Releases[0].Findings[0]
	for _, c := range []struct {
		source string
		place  func(i int) fluxrepo.Place
	}{
		{lines, func(i int) fluxrepo.Place { return fluxrepo.Place{File: "a.yaml", Line: i + 3, Column: 5} }},
		{"list: [" + strings.Repeat(entry, n) + "]", func(i int) fluxrepo.Place {
			return fluxrepo.Place{File: "a.yaml", Line: 1, Column: 8 + i*len(entry)}
		}},
	} {
		findings := make([]fluxrepo.Finding, n)
		for i := range findings {
			findings[i] = first
			findings[i].Place = c.place(i)
		}
		res.Releases[0].Findings = findings
		options := report.Options{ReadFile: func(string) ([]byte, error) { return []byte(c.source), nil }}
		if got := strings.Count(write(t, report.Text, report.New(res, policy.UnresolvedWarn), options), " | "); got != 2*n {
			t.Errorf("%d lines with a source, want %d", got, 2*n)
		}
	}
}

func TestAWriterThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	for _, format := range report.Formats() {
		if err := format.Write(full{}, report.New(mixed(), policy.UnresolvedWarn), report.Options{}); !errors.Is(err, errFull) {
			t.Errorf("%s: error %v", format, err)
		}
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
