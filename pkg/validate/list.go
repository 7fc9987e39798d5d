package validate

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// list is one of the chart's lists of URLs.
type list struct {
	path Path
	node any
	set  bool
	keys []string // of a map, which the chart's template ranges over too, in order
}

// entry is one element that Spegel's chart would pass on.
type entry struct {
	list  Path
	index int // in the list; notListed where there is none
	raw   any
}

const notListed = -1

// path is that of the map or string that stands for a list, where the entry is in none.
func (e entry) path() Path {
	if e.index == notListed {
		return e.list
	}
	return append(slices.Clip(e.list), e.index)
}

// quoted is the entry for a message; empty where it must not be shown, or is no string. Of a map nothing is shown.
func (e entry) quoted() string {
	if s, ok := e.raw.(string); ok && e.index != notListed {
		return Quote(s)
	}
	return ""
}

// entries yields what the chart's template would range over: a list, or the values of a map in the
// order of its keys. A string is no list, but what it names is judged all the same. What may hold entries that are not
// known yields an unknown one. Nothing is kept of an entry: the longest list has over a million.
func (l list) entries(yield func(entry) bool) {
	switch node := l.node.(type) {
	case []any:
		for i, raw := range node {
			if !yield(entry{l.path, i, raw}) {
				return
			}
		}
	case map[string]any, certainty.Open:
		m := known(node)
		for _, key := range l.keys {
			if !yield(entry{l.path, notListed, m[key]}) {
				return
			}
		}
		if open, ok := node.(certainty.Open); ok {
			yield(entry{l.path, notListed, certainty.Unknown{Reasons: open.Reasons}})
		}
	case string:
		if node != "" {
			yield(entry{l.path, notListed, node})
		}
	case certainty.Unknown:
		yield(entry{l.path, notListed, node})
	}
}

// problems are what is wrong with entries, of so many as are told, and why others are not known.
func (l list) problems(of func(entry) (p problem, found bool)) (out []problem, undecided []int) {
	for e := range l.entries {
		if u, ok := e.raw.(certainty.Unknown); ok {
			undecided = certainty.Union(undecided, u.Reasons)
		} else if p, found := of(e); found {
			p.path, p.value = e.path(), e.quoted()
			out = append(out, p)
		}
		if len(out) == maxFindings {
			break
		}
	}
	return out, undecided
}

// key is the last step of the path.
func (l list) key() string { return l.path[len(l.path)-1].(string) }

// state is what an empty list is called.
func (l list) state() string {
	switch {
	case !l.set:
		return "not set"
	case l.node == nil:
		return "null"
	}
	return "empty"
}

// isEmpty reports whether the chart passes nothing on, or why that is not known.
func (l list) isEmpty() (empty bool, unknown []int) {
	switch node := l.node.(type) {
	case certainty.Unknown:
		return false, node.Reasons
	case certainty.Open:
		for _, value := range node.Known {
			if isSet(value) {
				return false, nil
			}
		}
		return false, node.Reasons
	}
	return isFalse(l.node), nil
}

// isFalse reports whether a value is what a Helm template's "with" takes for nothing.
func isFalse(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case string:
		return v == ""
	case bool:
		return !v
	case int64:
		return v == 0
	case float64:
		return v == 0
	case int:
		return v == 0
	}
	return false
}
