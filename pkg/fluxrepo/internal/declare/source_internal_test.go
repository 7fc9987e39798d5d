package declare

import "testing"

func TestNormalURL(t *testing.T) {
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
		"https://github.com/O/R":            true,
		"https://github.com/o/r2":           false,
		"https://github.com/o":              false,
		"https://github.com/x/o/r":          false,
		"https://gitlab.com/o/r":            false,
		"ssh://git@github.com:2222/o/r":     true, // the same server may listen there, and nothing else names the owner so
		"https://${HOST}/o/r":               false,
		"":                                  false,
		"git@github.com":                    false,
		"https://github.com.evil.org/o/r":   false,
		"https://evil.org/?https://o/r.git": false,
	} {
		if got := normalURL(one) == normalURL(other); got != want {
			t.Errorf("%q and %q are the same repository: %t; want %t", one, other, got, want)
		}
	}
	azure := normalURL("https://org@dev.azure.com/org/project/_git/repo")
	for other, want := range map[string]bool{
		"git@ssh.dev.azure.com:v3/org/project/repo":       true,
		"ssh://git@ssh.dev.azure.com/v3/Org/Project/Repo": true,
		"git@ssh.dev.azure.com:v3/org/other/repo":         false,
	} {
		if got := normalURL(other) == azure; got != want {
			t.Errorf("%q is the repository at Azure DevOps: %t; want %t", other, got, want)
		}
	}
}
