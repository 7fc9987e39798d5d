// Package certainty is the model of what is known of values, of which parts may not have been read. A node is known, which is
// what a JSON or YAML decoder makes of it; Unknown; or Open, a map of which some keys are known. pkg/release makes such values
// of layers, and the rules of pkg/validate answer for what is known of them. docs/adr/0004 says why.
//
// It is pure, knows nothing of Spegel, and may import nothing but the standard library.
package certainty

import (
	"maps"
	"slices"
)

// Unknown stands in values for a node that cannot be known: it may be anything, or absent.
type Unknown struct {
	// Reasons are indices into the caller's own list of what could not be read, at least one.
	Reasons []int
}

// Open stands in values for a map some of whose keys cannot be known.
type Open struct {
	// Known are the keys that are known; a nil value is null, which takes the chart's default away.
	Known map[string]any
	// Reasons say why any other key is unknown, as in Unknown.
	Reasons []int
}

// Parts takes a node apart: the keys that are known, why others are not, and whether it is known to be a map.
func Parts(node any) (known map[string]any, unknown []int, isMap bool) {
	switch node := node.(type) {
	case map[string]any:
		return node, nil, true
	case Open:
		return node.Known, node.Reasons, true
	case Unknown:
		return nil, node.Reasons, false
	}
	return nil, nil, false
}

// MayBeMap reports whether a node is a map, or might be one.
func MayBeMap(node any) bool {
	_, unknown, isMap := Parts(node)
	return isMap || unknown != nil
}

// Child is the node at a key of another one, and whether it is set, as what cannot be known is.
func Child(node any, key string) (child any, set bool) {
	known, unknown, _ := Parts(node)
	if child, set = known[key]; set || unknown == nil {
		return child, set
	}
	return Unknown{unknown}, true
}

// At is the node at a path of keys and positions in lists, and whether it is set.
func At(node any, path []any) (found any, set bool) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			node, set = Child(node, step)
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

// Lay lays one node over another, as Helm merges known ones: a map adds its keys to a map, and anything else replaces what is
// below. The result shares memory with both.
func Lay(below, above any) any {
	if below == nil {
		return above
	}
	keys, reasons, isMap := Parts(above)
	known, unknown, _ := Parts(below)
	if !isMap {
		if reasons == nil {
			return above
		}
		return Unknown{Union(reasons, unknown)} // a map perhaps, which would leave the keys below
	}
	out := make(map[string]any, len(known)+len(keys))
	if reasons == nil {
		maps.Copy(out, known)
	}
	for key, value := range keys {
		child, _ := Child(below, key)
		out[key] = Lay(child, value)
	}
	if reasons = Union(reasons, unknown); reasons != nil {
		return Open{out, reasons}
	}
	return out
}

// IsKnown reports whether a node is known in full.
func IsKnown(node any) bool {
	switch node := node.(type) {
	case Unknown, Open:
		return false
	case map[string]any:
		for _, child := range node {
			if !IsKnown(child) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(node, func(entry any) bool { return !IsKnown(entry) })
	}
	return true
}

// Union is that of two sets of reasons, sorted. A list may have many nodes, a caller has few reasons.
func Union(a, b []int) []int {
	if !slices.ContainsFunc(b, func(reason int) bool { return !slices.Contains(a, reason) }) {
		return a
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
