package validate

import (
	"github.com/Masterminds/semver/v3"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// renamedKey exists because the chart renamed keys, and Helm takes both names without a word. It
// reads the keys of renames under spegel. It cannot know the chart's version where a range or an unreadable source stands
// for it.
var renamedKey = Rule{
	ID:      "renamed-key",
	Title:   "a key under spegel has another name in this version of the chart",
	Default: Warn,
	Effect:  ValueIgnored,
	Why: "v0.1.0 renamed `appendMirrors` to `prependExisting` and `additionalMirrorRegistries` to " +
		"`additionalMirrorTargets`, and v0.6.0 replaced `resolveLatestTag` with `registryFilters`. Newer charts ignore the old " +
		"names. Charts older than v0.1.0 ignore the new ones, `mirroredRegistries` among them.",
	Reads: "the old names under `spegel`, and with a chart known to be older than v0.1.0 the new ones",
	Limits: "It finds no old name where the chart is known to be old enough to read it. A chart whose version is not known " +
		"counts as a current one.",
	Fix: "Use the name that the chart reads.",
	Bad: `spegel:
  appendMirrors: true
  mirroredRegistries:
    - https://docker.io
`,
	Good: `spegel:
  prependExisting: true
  mirroredRegistries:
    - https://docker.io
`,
	check: func(v *values, _ Policy) (out []problem, undecided []int) {
		isUsed := func(key string) bool {
			value, _ := certainty.Child(v.spegel, key)
			return isSet(value)
		}
		add := func(key, message, fix string) {
			out = append(out, problem{path: v.path(spegelKey, key), message: message, fix: fix})
		}
		for _, r := range renames {
			switch older := v.olderThan(r.since); {
			case !older && r.old != legacyKey && isUsed(r.old): // registries has a rule of its own
				add(r.old, "Spegel's chart ignores this key since v"+r.since.String(), r.fix)
			case older && r.since == renamed && isUsed(r.now):
				add(r.now, "Spegel's chart reads this key since v"+r.since.String()+", and this one is older", "upgrade the chart, or write "+r.old)
			}
		}
		return out, nil
	},
}

// renames are the names that changed, and the first release with the new one.
var renames = []struct {
	old, now string
	since    *semver.Version
	fix      string // of the old name
}{
	{legacyKey, listKey, renamed, ""},
	{"appendMirrors", "prependExisting", renamed, "rename it to prependExisting"},
	{"additionalMirrorRegistries", targetsKey, renamed, "rename it to " + targetsKey},
	{"resolveLatestTag", "registryFilters", semver.New(0, 6, 0, "", ""), `remove it; registryFilters: [":latest$"] leaves the tag out`},
}
