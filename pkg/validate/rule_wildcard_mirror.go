package validate

import (
	"net/url"
	"slices"
	"strings"
)

// wildcards are the entries that stand for every registry: _default since v0.4.0, * since v0.5.0.
var wildcards = []string{"_default", "*"}

// wildcardMirror exists because a wildcard entry makes Spegel write _default/hosts.toml, as an empty
// list does. It reads the entries of spegel.mirroredRegistries. It cannot know what a chart older
// than v0.4.0 makes of the entry.
var wildcardMirror = Rule{
	ID:      "wildcard-mirror",
	Title:   "an entry of spegel.mirroredRegistries stands for every registry",
	Default: Deny,
	Effect:  PrivatePullsFail,
	Why: "The entries `_default` (since v0.4.0) and `*` (since v0.5.0) mean the same as an empty list: every registry, " +
		"the private ones included. A URL with the host `_default` names the same directory.",
	Reads:  "the entries of `spegel.mirroredRegistries`",
	Limits: "A Spegel older than the wildcards does not start with such an entry; it is reported all the same.",
	Fix:    "Name the public registries instead.",
	Bad: `spegel:
  mirroredRegistries:
    - _default
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
    - https://ghcr.io
`,
	check: func(v *values, _ Policy) (out []problem, undecided []int) {
		for e := range v.list.entries {
			if len(out) == maxFindings {
				break
			}
			if u, ok := e.raw.(Unknown); ok {
				undecided = addReasons(undecided, u)
			}
			s, ok := e.raw.(string)
			if !ok || !isWildcard(s) {
				continue
			}
			out = append(out, problem{
				path: e.path(), value: e.quoted(),
				message: `stands for every registry, so private images fail to pull with "not found"`,
				fix:     "name the registries to mirror instead, " + examples,
			})
		}
		return out, undecided
	},
}

func isWildcard(entry string) bool {
	if slices.Contains(wildcards, entry) {
		return true
	}
	if !strings.Contains(entry, "_default") {
		return false
	}
	u, err := url.Parse(entry)
	return err == nil && u.Host == "_default"
}
