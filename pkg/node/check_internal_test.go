package node

import (
	"strings"
	"testing"
)

// Every check says all that its page needs.
func TestChecksAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Checks() {
		for _, part := range []string{"What it reads", "Why it matters", "When it fails, and when it warns", "How to fix it", "What it cannot know"} {
			if !strings.Contains(c.Page, "\n\n**"+part+"**\n\n") {
				t.Errorf("%s does not say: %s", c.ID, part)
			}
		}
		if c.Title == "" || c.Why == "" || strings.Contains(c.Title+c.Why, "**") {
			t.Errorf("%s asks %q, as %q", c.ID, c.Title, c.Why)
		}
		if c.run == nil || seen[c.ID] {
			t.Errorf("%s is there twice, or does nothing", c.ID)
		}
		seen[c.ID] = true
	}
}

// The parser of images takes a host with an underscore for a folder, and any digits for a port.
func TestImageWithAHostThatIsNone(t *testing.T) {
	t.Parallel()
	for _, image := range []string{"reg_x.test/a", "harbor.example.com:99999/a", "harbor.example.com:0/a"} {
		if _, err := newRun(nil, Options{Image: image}); err == nil {
			t.Errorf("the host of %s is taken", image)
		}
	}
}

// A host without a way out adds no empty line to those of the others.
func TestFixHasNoEmptyLines(t *testing.T) {
	t.Parallel()
	var r Result
	for _, fix := range []string{"a", "", "b", "a"} {
		r.merge(&Result{Fix: fix})
	}
	if r.Fix != "a\nb" {
		t.Errorf("%q", r.Fix)
	}
}
