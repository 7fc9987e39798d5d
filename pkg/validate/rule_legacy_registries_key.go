package validate

import "github.com/spegel-guard/spegel-guard/pkg/certainty"

// legacyRegistriesKey exists because the chart renamed spegel.registries to spegel.mirroredRegistries
// in v0.1.0 and ships no schema: Helm takes the old key without a word and Spegel never sees it. It
// reads spegel.registries. It cannot know whether an older chart is pinned elsewhere.
var legacyRegistriesKey = Rule{
	ID:      "legacy-registries-key",
	Title:   "spegel.registries is set",
	Default: Deny,
	Effect:  StandsBetween,
	Why: "Spegel's chart read this key up to v0.0.30; v0.1.0 renamed it to `mirroredRegistries`. The chart has no schema, " +
		"so Helm still accepts the old name, and the list has no effect. Without a list under the new name Spegel answers " +
		"for every registry, the private ones included.",
	Reads: "`spegel.registries`, `spegel.mirroredRegistries` and `spegel.containerdMirrorAdd`",
	Limits: "It only warns where the key does no harm: beside a list in `mirroredRegistries`, with `containerdMirrorAdd: " +
		"false`, and with a chart that is known to be older than v0.1.0. The version is not known where it is a range, or " +
		"that of a source that can't be read.",
	Fix: "Rename the key to `mirroredRegistries`. With a chart older than v0.1.0, do so when you upgrade it.",
	Bad: `spegel:
  registries:
    - https://docker.io
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
`,
	check: func(v *values, _ Policy) (out []problem, undecided []int) {
		legacy, _ := certainty.Child(v.spegel, legacyKey)
		empty, unknown := v.listAt(listKey).isEmpty()
		beside := !empty && unknown == nil // a list that is known to have entries
		switch u, ok := legacy.(certainty.Unknown); {
		case ok && !beside && !v.olderThan(renamed):
			return nil, u.Reasons
		case !isSet(legacy):
			return nil, nil
		}
		p := problem{
			path:    v.path(spegelKey, legacyKey),
			message: "Spegel's chart ignores this key since v0.1.0",
			fix:     "rename it to mirroredRegistries",
			mild:    beside || v.writesNoHosts(),
		}
		switch {
		case v.olderThan(renamed):
			p.mild = true
			p.fix = "rename it to mirroredRegistries when the chart is upgraded from " + Clean(v.version.String())
		case beside:
			p.fix = "remove it, the list that counts is mirroredRegistries"
		}
		return []problem{p}, nil
	},
}
