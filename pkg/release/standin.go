package release

import (
	"fmt"
	"slices"
	"strings"
)

// contents are what an unread reference might hold, as far as it matters. The merge looks at the
// structure of what it merges, never at a leaf. So a finding goes away only if the node at its path is
// removed, replaced or written into, or if what lies above it turns into a map or into none; mend does
// each of that by itself. A finding comes up only at a key that a rule reads; spoil sets them.
func (q question) contents(ref reference) (mend, spoil []content) {
	switch {
	case ref.TargetPath == "":
		mend, spoil = q.layers()
	case ref.Literal:
		mend = append(mend, content{text: "x", base: true}, content{text: ""}, content{text: q.good[0].(string)})
		for _, entry := range q.bad {
			spoil = append(spoil, content{text: entry.(string)})
		}
	default:
		mend, spoil = q.sets()
	}
	if ref.Optional && ref.TargetPath != "" { // without a targetPath, an empty layer is the same
		mend = append(mend, content{none: true})
	}
	return mend, spoil
}

// layers are contents of a reference that is merged at the root.
func (q question) layers() (mend, spoil []content) {
	add := func(to *[]content, v any, p ...any) {
		for _, step := range slices.Backward(p) {
			v = map[string]any{step.(string): v}
		}
		addNew(to, text(v.(map[string]any)))
	}
	mend = append(mend, content{text: "{}", base: true})
	add(&mend, map[string]any{}, spegelKey)
	add(&mend, nil, spegelKey)
	add(&mend, nil, spegelKey, listKey)
	for _, good := range q.lists() {
		add(&mend, good, spegelKey, listKey)
	}
	good := map[string]any{}
	for _, key := range q.keys {
		good[key] = q.good[0]
	}
	add(&mend, good, spegelKey, listKey)
	for _, p := range q.paths {
		add(&mend, nil, p...)
	}

	entries := map[string]any{}
	for i, entry := range q.bad {
		entries[fmt.Sprintf("mirror%d", i)] = entry
	}
	add(&spoil, q.bad, spegelKey, listKey)
	add(&spoil, entries, spegelKey, listKey) // which adds to a map
	for _, p := range readKeys() {
		add(&spoil, "x", p...)
	}
	return mend, spoil
}

// sets are contents of a reference with a targetPath, as helm --set reads them: a value for the
// targetPath, and after a comma another path and its value.
func (q question) sets() (mend, spoil []content) {
	list := setPath(spegelKey, listKey)
	more := func(to *[]content, path, value string) { addNew(to, "x,"+path+"="+value) }

	mend = append(mend, content{text: "x", base: true})
	for _, v := range []string{"null", "", setValue(q.good[0])} {
		addNew(&mend, v)
	}
	more(&mend, spegelKey, "x")
	for _, good := range q.lists() {
		more(&mend, list, setValue(good))
	}
	for _, p := range q.paths {
		more(&mend, setPath(p...), "null")
	}
	more(&mend, list+"[0].x", "") // an empty list, as Helm makes nothing below a position for "" at the end
	var positions, keys []string
	for _, i := range q.list {
		positions = append(positions, fmt.Sprintf("%s[%d]", list, i))
	}
	for _, key := range q.keys {
		keys = append(keys, setPath(spegelKey, listKey, key))
	}
	good := "=" + setValue(q.good[0])
	for _, entries := range [][]string{positions, keys} {
		if len(entries) > 0 {
			addNew(&mend, "x,"+strings.Join(entries, good+",")+good)
		}
	}

	more(&spoil, list, setValue(q.bad))
	more(&spoil, list, "null")
	for _, entry := range q.bad {
		addNew(&spoil, setValue(entry))
		more(&spoil, list+"[0]", setValue(entry))
		more(&spoil, list+".mirror", setValue(entry))
	}
	for _, p := range readKeys() {
		more(&spoil, setPath(p...), "x")
	}
	return mend, spoil
}

func addNew(to *[]content, text string) {
	if !slices.ContainsFunc(*to, func(c content) bool { return c.text == text }) {
		*to = append(*to, content{text: text})
	}
}

func setPath(p ...any) string {
	var keys []string
	for _, step := range p {
		keys = append(keys, escapeSet(step.(string)))
	}
	return strings.Join(keys, ".")
}

func setValue(v any) string {
	list, ok := v.([]any)
	if !ok {
		return escapeSet(v.(string))
	}
	var out []string
	for _, entry := range list {
		out = append(out, escapeSet(entry.(string)))
	}
	return "{" + strings.Join(out, ",") + "}"
}

// escapeSet keeps helm --set from reading anything into a key or a value.
func escapeSet(s string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `.`, `\.`, `=`, `\=`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`).Replace(s)
}
