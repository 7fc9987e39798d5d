package validate

// legacyRegistriesKey exists because the chart renamed spegel.registries to spegel.mirroredRegistries
// in v0.1.0 and ships no schema: Helm takes the old key without a word and Spegel never sees it. It
// reads spegel.registries. It cannot know whether an older chart is pinned elsewhere.
var legacyRegistriesKey = Rule{
	ID:      "legacy-registries-key",
	Title:   "spegel.registries is set",
	Default: Deny,
	Effect:  PrivatePullsFail,
	Why: "Spegel's chart read this key up to v0.0.30. v0.1.0 renamed it to `mirroredRegistries`, and without a schema " +
		"Helm still accepts the old name. The list has no effect: Spegel mirrors every registry, the private ones included.",
	Reads: "`spegel.registries`",
	Limits: "Where the chart's version comes from a range or from a source that can't be read, the rule does not know " +
		"whether the chart is one that still reads the key. The verdict is the same either way.",
	Fix: "Rename the key to `mirroredRegistries`; on a chart older than v0.1.0, upgrade the chart too.",
	Bad: `spegel:
  registries:
    - https://docker.io
  mirroredRegistries:
    - https://docker.io
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
`,
	check: func(v *values, _ Policy) (out []problem, undecided []int) {
		legacy, _ := child(v.spegel, legacyKey)
		empty, unknown := v.list.isEmpty()
		beside := !empty && unknown == nil // a list that is known to have entries
		if u, ok := legacy.(Unknown); ok && !beside {
			return nil, u.Reasons
		}
		if !isSet(legacy) {
			return nil, nil
		}
		fix := "rename it to mirroredRegistries"
		if beside {
			fix = "remove it, the list that counts is mirroredRegistries"
		}
		if version := v.beforeRename(); version != nil {
			fix += " and upgrade the chart from " + Clean(version.String()) + " to v0.1.0 or newer"
		}
		return []problem{{
			path:    v.path(spegelKey, legacyKey),
			message: "Spegel's chart ignores this key since v0.1.0",
			fix:     fix,
		}}, nil
	},
}
