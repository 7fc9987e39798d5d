package declare

import "testing"

func TestSameRepository(t *testing.T) {
	t.Parallel()
	const one = "https://github.com/o/r"
	for other, want := range map[string]bool{
		one:                                 true,
		"https://github.com/o/r.git":        true,
		"https://github.com/o/r/":           true,
		"https://github.com/o/r.git/":       true,
		"https://GitHub.com/o/r":            true,
		"https://github.com:443/o/r":        true,
		"https://me:token@github.com/o/r":   true,
		"http://github.com/o/r":             true,
		"ssh://git@github.com/o/r":          true,
		"ssh://git@github.com:22/o/r.git":   true,
		"ssh://github.com/o/r":              true,
		"git+ssh://git@github.com/o/r":      true,
		"git@github.com:o/r":                true,
		"git@github.com:o/r.git":            true,
		"git@github.com:/o/r/":              true,
		"github.com:o/r":                    true,
		"https://github.com./o/r":           true,
		"https://github.com/o/R":            false, // not every server is blind to case there
		"https://github.com/o/r2":           false,
		"https://github.com/o":              false,
		"https://github.com/x/o/r":          false,
		"https://gitlab.com/o/r":            false,
		"https://github.com:8443/o/r":       false,
		"ssh://git@github.com:443/o/r":      false, // another server may listen there
		"https://${HOST}/o/r":               false,
		"":                                  false,
		"git@github.com":                    false,
		"https://github.com.evil.org/o/r":   false,
		"https://evil.org/?https://o/r.git": false,
	} {
		if got := sameRepository(one, other); got != want || sameRepository(other, one) != want {
			t.Errorf("sameRepository(%q, %q) = %t; want %t", one, other, got, want)
		}
	}
	if !sameRepository("https://${HOST}/o/r", "https://${HOST}/o/r") {
		t.Error("the same text is not the same repository")
	}
}
