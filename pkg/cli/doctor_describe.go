package cli

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// doctorHead is what stands before the checks in docs/doctor.md.
//
//go:embed doctor_describe.md
var doctorHead string

// describeDoctor writes docs/doctor.md.
func describeDoctor(w io.Writer) error {
	var b strings.Builder
	b.WriteString(doctorHead)
	b.WriteString("\n## The checklist\n\n| | check | asks |\n|---|---|---|\n")
	for i, c := range node.Checks() {
		fmt.Fprintf(&b, "| %d | [`%s`](#%s) | %s |\n", i+1, c.ID, c.ID, c.Title)
	}
	for _, c := range node.Checks() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.ID, c.Title)
		for _, part := range []struct{ title, text string }{
			{"What it reads", c.Reads}, {"Why it matters", c.Why}, {"When it fails, and when it warns", c.Fails}, {"How to fix it", c.Fix}, {"What it cannot know", c.Limits},
		} {
			fmt.Fprintf(&b, "\n**%s**\n\n%s\n", part.title, part.text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
