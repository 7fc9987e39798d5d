package release

import (
	"maps"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Keys of Spegel's chart.
const (
	spegelKey = "spegel"
	listKey   = "mirroredRegistries"
)

// parts takes a node apart: the keys that are known, and why others are not, of a map or of what may be one.
func parts(node any) (known map[string]any, unknown []int, isMap bool) {
	switch node := node.(type) {
	case map[string]any:
		return node, nil, true
	case validate.Open:
		return node.Known, node.Reasons, true
	case validate.Unknown:
		return nil, node.Reasons, false
	}
	return nil, nil, false
}

// lay lays one node over another, as chartutil.MergeMaps does with known ones: a map adds its keys to a
// map, and anything else replaces what is below.
func lay(below, above any) any {
	keys, reasons, isMap := parts(above)
	known, unknown, _ := parts(below)
	if !isMap {
		if reasons == nil {
			return above
		}
		return validate.Unknown{Reasons: union(reasons, unknown)} // a map perhaps, which would leave the keys below
	}
	out := make(map[string]any, len(known)+len(keys))
	if reasons == nil {
		maps.Copy(out, known)
	}
	for key, value := range keys {
		out[key] = lay(child(below, key), value)
	}
	if reasons = union(reasons, unknown); reasons != nil {
		return validate.Open{Known: out, Reasons: reasons}
	}
	return out
}

// child is the node at a key of another one; nil if it is not set.
func child(node any, key string) any {
	known, unknown, _ := parts(node)
	if value, set := known[key]; set || unknown == nil {
		return value
	}
	return validate.Unknown{Reasons: unknown}
}

// lookup finds the node at a path, and whether it is set. A node that is not known counts as set.
func lookup(node any, path validate.Path) (found any, set bool) {
	set = true
	for _, step := range path {
		switch step := step.(type) {
		case string:
			known, unknown, _ := parts(node)
			_, set = known[step]
			set = set || unknown != nil
			node = child(node, step)
		case int:
			list, _ := node.([]any)
			if set = step < len(list); set {
				node = list[step]
			}
		}
		if !set {
			return nil, false
		}
	}
	return node, true
}

// isKnown reports whether a node is known in full.
func isKnown(node any) bool {
	switch node := node.(type) {
	case validate.Unknown, validate.Open:
		return false
	case map[string]any:
		for _, child := range node {
			if !isKnown(child) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(node, func(entry any) bool { return !isKnown(entry) })
	}
	return true
}

// union is that of two sets of reasons, sorted.
func union(a, b []int) []int {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
