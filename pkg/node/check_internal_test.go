package node

import "testing"

// Every check says all that its page needs.
func TestChecksAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Checks() {
		for field, text := range map[string]string{"title": c.Title, "reads": c.Reads, "why": c.Why, "fails": c.Fails, "fix": c.Fix, "limits": c.Limits} {
			if text == "" {
				t.Errorf("%s has no %s", c.ID, field)
			}
		}
		if c.run == nil || seen[c.ID] {
			t.Errorf("%s is there twice, or does nothing", c.ID)
		}
		seen[c.ID] = true
	}
}

// The parser of images takes a host with an underscore for a folder.
func TestImageWithAHostThatIsNone(t *testing.T) {
	t.Parallel()
	if _, err := newRun(nil, Options{Image: "reg_x.test/a"}); err == nil {
		t.Error("a host with an underscore is taken")
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
