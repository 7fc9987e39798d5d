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

// lay lays one node over another, as chartutil.MergeMaps does with known ones: a map adds its keys to a
// map, and anything else replaces what is below.
func lay(below, above any) any {
	switch above := above.(type) {
	case map[string]any:
		return layMap(below, above, nil)
	case validate.Open:
		return layMap(below, above.Known, above.Reasons)
	case validate.Unknown: // a map perhaps, which would leave the keys below
		_, reasons := parts(below)
		return validate.Unknown{Reasons: union(above.Reasons, reasons)}
	default:
		return above
	}
}

// layMap lays a map over a node. If it may have other keys than these, reasons say why.
func layMap(below any, keys map[string]any, reasons []int) any {
	known, unknown := parts(below)
	out := make(map[string]any, len(known)+len(keys))
	if reasons == nil {
		maps.Copy(out, known)
	}
	for key, value := range keys {
		child, set := known[key]
		if !set && unknown != nil {
			child = validate.Unknown{Reasons: unknown}
		}
		out[key] = lay(child, value)
	}
	if reasons = union(reasons, unknown); reasons != nil {
		return validate.Open{Known: out, Reasons: reasons}
	}
	return out
}

// parts takes a node apart: the keys that are known, and why others are not, if it is a map or may be one.
func parts(node any) (known map[string]any, unknown []int) {
	switch node := node.(type) {
	case map[string]any:
		return node, nil
	case validate.Open:
		return node.Known, node.Reasons
	case validate.Unknown:
		return nil, node.Reasons
	}
	return nil, nil
}

// asMap is the known part of a map.
func asMap(node any) (known map[string]any, ok bool) {
	switch node := node.(type) {
	case map[string]any:
		return node, true
	case validate.Open:
		return node.Known, true
	}
	return nil, false
}

func mayBeMap(node any) bool {
	_, isUnknown := node.(validate.Unknown)
	_, isMap := asMap(node)
	return isUnknown || isMap
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

// lookup finds the node at a path, and whether it is set. A node that is not known counts as set.
func lookup(node any, path validate.Path) (found any, set bool) {
	for _, step := range path {
		set = false
		switch step := step.(type) {
		case string:
			known, unknown := parts(node)
			if node, set = known[step]; !set && unknown != nil {
				node, set = validate.Unknown{Reasons: unknown}, true
			}
		case int:
			list, _ := node.([]any)
			if node = nil; step < len(list) {
				node, set = list[step], true
			}
		}
	}
	return node, set || len(path) == 0
}

// union is that of two sorted lists of reasons.
func union(a, b []int) []int {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
