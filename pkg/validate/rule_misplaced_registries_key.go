package validate

import (
	"slices"
	"strings"
	"unicode"
)

// misplacedRegistriesKey exists because Helm accepts any key: a list at the wrong place or with a
// misspelt name has no effect. It reads the keys at the top of the values and under spegel. It
// cannot know what a chart that wraps Spegel's does with a key of its own.
var misplacedRegistriesKey = Rule{
	ID:      "misplaced-registries-key",
	Title:   "the mirror list is at the top of the values, or its name is misspelt",
	Default: Warn,
	Effect:  ValueIgnored,
	Why: "The chart reads the list at `spegel.mirroredRegistries` and nowhere else. Without a schema Helm accepts any other " +
		"place or spelling, and the list has no effect.",
	Reads:  "the keys at the top of the values and under `spegel`",
	Limits: "A chart that wraps Spegel's may have a key of its own with such a name.",
	Fix:    "Move or rename the key to `spegel.mirroredRegistries`.",
	Bad: `mirroredRegistries:
  - https://docker.io
spegel:
  mirroredRegistries:
    - https://docker.io
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
`,
	check: func(v *values, _ Policy) (out []problem, undecided []int) {
		for _, key := range listLike(known(v.root)) {
			out = append(out, problem{
				path:    v.path(key),
				message: "Spegel's chart does not read this key at the top of the values",
				fix:     "move the list to spegel.mirroredRegistries",
			})
		}
		for _, key := range listLike(known(v.spegel)) {
			if key == listKey || key == legacyKey {
				continue
			}
			out = append(out, problem{
				path:    v.path(spegelKey, key),
				message: "not a key of Spegel's chart, so it has no effect",
				fix:     "rename it to mirroredRegistries",
			})
		}
		return out, nil
	},
}

// listLike lists the keys, sorted, that somebody meant for the mirror list. They hold only ASCII letters,
// hyphens and underscores, so they are fit for a message as they are.
func listLike(m map[string]any) []string {
	var out []string
	for key, value := range m {
		if isSet(value) && len(key) <= 32 && isListLike(key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func isListLike(key string) bool {
	if strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII }) {
		return false // some other letters are ASCII in lower case
	}
	switch separators.Replace(strings.ToLower(key)) {
	case "registries", "mirroredregistries", "mirroredregistry", "mirrorregistries", "mirrorregistry", "mirrorsregistries":
		return true
	}
	return false
}

// separators is what people put between the words of a key.
var separators = strings.NewReplacer("-", "", "_", "")
