package validate

import (
	"net/url"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// wildcards are the entries that stand for every registry, with the release of the chart that first takes them.
var wildcards = map[string]*semver.Version{
	"_default": semver.New(0, 4, 0, "", ""),
	"*":        semver.New(0, 5, 0, "", ""),
}

// wildcardMirror exists because a wildcard entry makes Spegel write _default/hosts.toml, as an empty
// list does. It reads the entries of spegel.mirroredRegistries. It cannot know what a chart whose version is not known
// makes of the entry.
var wildcardMirror = Rule{
	ID:      "wildcard-mirror",
	Title:   "an entry of spegel.mirroredRegistries stands for every registry",
	Default: Deny,
	Effect:  StandsBetween,
	Why: "The entries `_default` (since v0.4.0) and `*` (since v0.5.0), and a URL with the host `_default`, mean the same " +
		"as an empty list: Spegel answers for every registry, the private ones included.",
	Reads: "the entries of `spegel.mirroredRegistries`, and `spegel.containerdMirrorAdd`",
	Limits: "With a chart that is known to be older than the wildcards Spegel does not start; `invalid-mirror-url` says so. " +
		"With `containerdMirrorAdd: false` it only warns, since Spegel writes no hosts files there.",
	Fix: "Name the public registries instead.",
	Bad: `spegel:
  mirroredRegistries:
    - _default
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
    - https://ghcr.io
`,
	check: func(v *values, _ Policy) ([]problem, []int) {
		return v.list.problems(func(e entry) (problem, bool) {
			if s, _ := e.raw.(string); !v.isWildcard(s) && !isWildcardURL(s) {
				return problem{}, false
			}
			p := problem{fix: "name the registries to mirror instead, " + examples}
			return v.says(p, "stands for every registry", mayFail), true
		})
	},
}

// isWildcard reports whether Spegel takes the entry for a wildcard.
func (v *values) isWildcard(entry string) bool {
	since, ok := wildcards[entry]
	return ok && !v.olderThan(since)
}

// isWildcardURL reports whether the folder that Spegel writes for a URL is the one of a wildcard.
func isWildcardURL(entry string) bool {
	if !strings.Contains(entry, "_default") {
		return false
	}
	u, err := url.Parse(entry)
	return err == nil && u.Host == "_default"
}
