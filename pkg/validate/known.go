package validate

import "slices"

// Unknown stands in the values for a node that cannot be known: it may be anything, or absent.
type Unknown struct {
	// Reasons are indices into the caller's own list of what could not be read, at least one.
	Reasons []int
}

// Open stands in the values for a map some of whose keys cannot be known.
type Open struct {
	// Known are the keys that are known; a nil value is null, which takes the chart's default away.
	Known map[string]any
	// Reasons say why any other key is unknown, as in Unknown.
	Reasons []int
}

// child is what is known of a key of a node: its value, Unknown included, and whether it is set.
func child(node any, key string) (value any, set bool) {
	switch node := node.(type) {
	case map[string]any:
		value, set = node[key]
	case Open:
		if value, set = node.Known[key]; !set {
			return Unknown{node.Reasons}, true
		}
	case Unknown:
		return node, true
	}
	return value, set
}

// known is the part of a map that is known; nil where the node is no map.
func known(node any) map[string]any {
	switch node := node.(type) {
	case map[string]any:
		return node
	case Open:
		return node.Known
	}
	return nil
}

// isSet reports whether a node is known to be there and not null.
func isSet(node any) bool { return node != nil && !isUnknown(node) }

func isMap(node any) bool {
	switch node.(type) {
	case map[string]any, Open:
		return true
	}
	return false
}

func isUnknown(node any) bool {
	_, ok := node.(Unknown)
	return ok
}

// addReasons adds those of an unknown node that are not there yet: a list may have many nodes, a caller has few reasons.
func addReasons(reasons []int, u Unknown) []int {
	for _, r := range u.Reasons {
		if !slices.Contains(reasons, r) {
			reasons = append(reasons, r)
		}
	}
	return reasons
}
