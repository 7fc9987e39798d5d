package validate

import (
	"slices"
	"strings"
	"unicode"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// misplacedRegistriesKey exists because Helm accepts any key: a list at the wrong place or with a
// misspelt name has no effect. It reads the keys at the top of the values and under spegel. It
// cannot know what a chart that wraps Spegel's does with a key of its own.
var misplacedRegistriesKey = Rule{
	ID:      "misplaced-registries-key",
	Title:   "the mirror list is at the wrong place, or its name is misspelt",
	Default: Warn,
	Effect:  ValueIgnored,
	Why: "The chart reads the list at `spegel.mirroredRegistries` and nowhere else. It has no schema, so Helm accepts any " +
		"other place or spelling, and the list has no effect.",
	Reads: "the keys at the top of the values and under `spegel`",
	Limits: "It takes a key for a misspelt list if no more than two letters differ, apart from case, hyphens and underscores. " +
		"A chart that wraps Spegel's has its values below `spegel.spegel`. Where that is a map, all rules look there, " +
		"unless the source is known to be Spegel's own.",
	Fix: "Move or rename the key to `spegel.mirroredRegistries`.",
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
		add := func(message, fix string, path ...any) {
			out = append(out, problem{path: v.path(path...), message: message, fix: fix})
		}
		for _, key := range listLike(known(v.root)) {
			add("Spegel's chart does not read this key at the top of the values", "move the list to "+v.list.path.String(), key)
		}
		for _, key := range listLike(known(v.spegel)) {
			if key != listKey && key != legacyKey {
				add("not a key of Spegel's chart, so it has no effect", "did you mean "+v.list.key()+"?", spegelKey, key)
			}
		}
		if inner, _ := certainty.Child(v.spegel, spegelKey); isMap(inner) {
			add("Spegel's chart does not read this map", "move its contents up to "+v.path(spegelKey).String(), spegelKey, spegelKey)
		}
		return out, nil
	},
}

// listLike lists the keys, sorted, that somebody meant for the mirror list. They hold only ASCII letters, digits,
// hyphens and underscores, so they are fit for a message as they are.
func listLike(m map[string]any) []string {
	var out []string
	for key, value := range m {
		if isSet(value) && isListLike(key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// maxEdits is how many letters of a misspelt name may be missing, too many or wrong. No key of Spegel's chart is that
// near to one of listNames.
const maxEdits = 2

// maxKey is how long a key may be to be compared with these.
const maxKey = 32

var listNames = []string{"registries", "mirroredregistries", "mirroredregistry", "mirrorregistry"}

func isListLike(key string) bool {
	if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII }) {
		return false // some other letters are ASCII in lower case
	}
	name := strings.ToLower(key)
	if strings.Trim(name, alphanumeric+"-_") != "" {
		return false
	}
	name = separators.Replace(name)
	return slices.ContainsFunc(listNames, func(n string) bool {
		shorter, longer := min(len(name), len(n)), max(len(name), len(n))
		return longer-shorter <= maxEdits && edits(name, n) <= maxEdits // most keys are done with at the first
	})
}

// separators is what people put between the words of a key.
var separators = strings.NewReplacer("-", "", "_", "")

// edits is how many letters have to be inserted, removed or replaced to make one word of the other (Levenshtein). No word
// is longer than maxKey.
func edits(a, b string) int {
	var longest [maxKey + 1]int // on the stack, as every key of a release is compared
	row := longest[:len(b)+1]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
