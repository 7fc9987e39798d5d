package cli_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

var update = flag.Bool("update", false, "write docs/doctor.md; read it before it is committed")

// The page is what the checks say, to the letter.
func TestDoctorPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(file(t, "pkg/cli/testdata/doctor.md"))
	b.WriteString("\n## The checklist\n\n| | check | asks |\n|---|---|---|\n")
	for i, c := range node.Checks() {
		fmt.Fprintf(&b, "| %d | [`%s`](#%s) | %s |\n", i+1, c.ID, c.ID, c.Title)
	}
	for _, c := range node.Checks() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.ID, c.Page)
	}
	if *update {
		if err := os.WriteFile("../../docs/doctor.md", []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if file(t, "docs/doctor.md") != b.String() {
		t.Error("docs/doctor.md is out of date: run \"make generate\"")
	}
}
