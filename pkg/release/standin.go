package release

import (
	"encoding/json"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxUnread is how many unread references are reasoned about. With more, nothing counts as certain.
const maxUnread = 8

// standIn is what an unread reference might hold. The merge looks at the structure of what it merges,
// never at a leaf, so a few contents that set, mend, remove or replace what the rules read show all
// that an unknown content can do to a finding.
type standIn struct {
	values string // for a reference without targetPath: YAML
	set    string // with targetPath: the value, as helm --set reads it, which may set other paths too
}

// for_ is the content for one reference.
func (s standIn) for_(ref reference) string {
	if ref.TargetPath == "" {
		return s.values
	}
	if ref.Literal {
		value, _, _ := strings.Cut(s.set, ",")
		return value
	}
	return s.set
}

// standIns are the contents to try against the findings at hand.
func standIns(found []validate.Finding) []standIn {
	return []standIn{
		{values: "spegel: {}", set: "x"},
		{values: "spegel: null", set: "null,spegel=null"},
		{values: "spegel: x", set: "x,spegel=x"},
		mends(found),
		{ // breaks what is good
			values: `{spegel: {registries: [x], mirroredRegistries: ["*"], appendMirrors: true}, registries: [x]}`,
			set:    "x,spegel.registries=x,spegel.mirroredRegistries={*}",
		},
		{values: `{spegel: {mirroredRegistries: []}}`, set: "null"},
		{values: `{spegel: {mirroredRegistries: x}}`, set: "{x}"},
	}
}

// mends removes every finding by what it sets: a good list, and null wherever else a finding is.
func mends(found []validate.Finding) standIn {
	values := map[string]any{}
	spegel := map[string]any{}
	var set []string
	for _, f := range found {
		switch p := f.Path; {
		case len(p) == 1 && p[0] != "spegel":
			values[p[0].(string)] = nil
			set = append(set, p.String()+"=null")
		case len(p) == 2:
			spegel[p[1].(string)] = nil
			set = append(set, p.String()+"=null")
		}
	}
	spegel["mirroredRegistries"] = []any{"https://docker.io"}
	values["spegel"] = spegel
	text, err := json.Marshal(values) // JSON is YAML
	if err != nil {
		text = nil // can't be: maps, strings and nil
	}
	set = append([]string{"https://docker.io"}, append(set, "spegel.mirroredRegistries={https://docker.io}")...)
	return standIn{values: string(text), set: strings.Join(set, ",")}
}
