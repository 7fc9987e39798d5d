package release

import (
	"maps"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Keys of Spegel's chart.
const (
	spegelKey = "spegel"
	listKey   = "mirroredRegistries"
)

// question is what contents of unread references are made for (standin.go).
type question struct {
	paths []validate.Path // of the findings, no deeper than the mirror list
	list  []int           // positions of the mirror list with findings, in order
	keys  []string        // of the mirror list if it is a map, and one more
	good  []any           // entries without a finding, up to the last position that has one
	bad   []any           // entries that break each rule about entries
}

func ask(found []validate.Finding, values any, policy validate.Policy) question {
	const goodEntry = "https://mirror.invalid"
	q := question{good: []any{goodEntry}, bad: []any{"*", "*", "x"}}
	seen := map[string]bool{}
	for _, f := range found {
		p := f.Path[:min(len(f.Path), 2)]
		if name := p.String(); len(p) > 0 && !seen[name] {
			seen[name] = true
			q.paths = append(q.paths, p)
		}
		if len(f.Path) > 2 {
			if i, ok := f.Path[2].(int); ok {
				q.list = append(q.list, i)
			}
		}
	}
	slices.Sort(q.list)
	q.list = slices.Compact(q.list)
	if n := len(q.list); n > 0 {
		q.good = slices.Repeat(q.good, q.list[n-1]+1)
	}
	entries, _ := at(values, validate.Path{spegelKey, listKey}).(map[string]any)
	q.keys = append(slices.Sorted(maps.Keys(entries)), "mirror")
	if len(policy.PrivateRegistries) > 0 {
		q.bad = append(q.bad, "https://"+strings.Replace(policy.PrivateRegistries[0].String(), "*", "x", 1))
	}
	return q
}

// lists are mirror lists without a finding, long and short: what is set at a position later on ends up
// in the list where that is long enough, and beside it where not.
func (q question) lists() [][]any {
	if len(q.good) == 1 {
		return [][]any{q.good}
	}
	return [][]any{q.good, q.good[:1]}
}

// readKeys have a finding of their own wherever they are set.
func readKeys() []validate.Path {
	return []validate.Path{
		{spegelKey, "registries"},
		{spegelKey, "appendMirrors"},
		{spegelKey, "additionalMirrorRegistries"},
		{spegelKey, "mirror-Registry"},
		{"registries"},
		{"mirror-Registry"},
	}
}
