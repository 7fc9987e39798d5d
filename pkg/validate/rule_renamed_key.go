package validate

// renamedKey exists because v0.1.0 renamed two more keys and the old names have no effect since. It
// reads spegel.appendMirrors and spegel.additionalMirrorRegistries. It cannot know the chart's
// version where a range or an unreadable source stands for it.
var renamedKey = Rule{
	ID:      "renamed-key",
	Title:   "a key under spegel has another name since v0.1.0",
	Default: Warn,
	Effect:  ValueIgnored,
	Why: "v0.1.0 renamed `appendMirrors` to `prependExisting` and `additionalMirrorRegistries` to " +
		"`additionalMirrorTargets`. Newer charts ignore the old names.",
	Reads:  "`spegel.appendMirrors` and `spegel.additionalMirrorRegistries`",
	Limits: "It is silent where the chart is known to be older than v0.1.0; where the version is not known it speaks.",
	Fix:    "Use the new name.",
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
		for _, key := range []struct{ old, now string }{
			{"appendMirrors", "prependExisting"},
			{"additionalMirrorRegistries", "additionalMirrorTargets"},
		} {
			if old, _ := child(v.spegel, key.old); !isSet(old) {
				continue
			}
			out = append(out, problem{
				path:    v.path(spegelKey, key.old),
				message: "Spegel's chart ignores this key since v0.1.0",
				fix:     "rename it to " + key.now,
			})
		}
		if len(out) > 0 && v.beforeRename() != nil {
			return nil, nil
		}
		return out, nil
	},
}
