package docs_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// banned are words that have come back before, with what to say instead.
var banned = map[*regexp.Regexp]string{
	regexp.MustCompile(`(?i)\bmend(s|ed|ing)?\b`):                                              "fix",
	regexp.MustCompile(`(?i)(release|releases|one|ones|those|anything|nothing) of Spegel's\b`): "release of Spegel",
	regexp.MustCompile(`(?i)\btells? whether\b`):                                               "reports whether",
	regexp.MustCompile(`(?i)\bbut for\b`):                                                      "except",
	regexp.MustCompile(`(?i)\bparted by\b`):                                                    "separated by",
	regexp.MustCompile(`(?i)\bdearest\b`):                                                      "most expensive",
}

// ofSpegelsChart is what may follow.
var ofSpegelsChart = regexp.MustCompile(`(?i)of Spegel's (chart|list|peers|keys?|values|DaemonSet|pods|own)`)

// TestWordsThatMustNotComeBack reads code and pages alike: comments, messages and names.
func TestWordsThatMustNotComeBack(t *testing.T) {
	t.Parallel()
	texts := []string{".go", ".md", ".yaml", ".yml", ".txtar", ".txt", ".tmpl", ".text", ".color", ".toml", ""}
	looked := 0
	for _, name := range files(t, func(name string) bool { return slices.Contains(texts, path.Ext(name)) }) {
		if name == "test/docs/words_test.go" {
			continue
		}
		looked++
		number := 0
		for line := range strings.Lines(read(t, name)) {
			number++
			line = ofSpegelsChart.ReplaceAllString(line, "")
			for word, instead := range banned {
				if found := word.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: say %q", name, number, found, instead)
				}
			}
		}
	}
	if looked < 200 {
		t.Errorf("only %d files read", looked)
	}
}
