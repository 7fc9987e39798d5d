package yamldoc

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Deref follows an alias.
func Deref(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// entry returns a key of a map and its value, with aliases and merge keys followed, or nil.
func entry(n *yaml.Node, key string) (k, v *yaml.Node) {
	n = Deref(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], Deref(n.Content[i+1])
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		from := n.Content[i+1] // a map, or a list of maps
		for _, m := range append(slices.Clip(Items(from)), from) {
			if k, v := entry(m, key); k != nil {
				return k, v
			}
		}
	}
	return nil, nil
}

// Child is the value at a path of keys, or nil.
func Child(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		_, n = entry(n, key)
	}
	return Deref(n)
}

// Text is the scalar at a path of keys, or "".
func Text(n *yaml.Node, keys ...string) string {
	if n = Child(n, keys...); n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// Items are the elements of a list.
func Items(n *yaml.Node) []*yaml.Node {
	if n = Deref(n); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// Reach follows a path of keys and positions. key is the node that names the last step: the key itself in a
// map, the element in a list; nil if the path leads nowhere.
func Reach(n *yaml.Node, path []any) (key, value *yaml.Node) {
	key, value = n, Deref(n)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			if key, value = entry(value, step); key == nil {
				return nil, nil
			}
		case int:
			list := Items(value)
			if step >= len(list) {
				return nil, nil
			}
			key, value = list[step], Deref(list[step])
		}
	}
	return key, value
}

// Objects takes lists apart, and lists in lists. None is deeper, or with its aliases larger, than Decode allows.
func Objects(docs []*yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, d := range docs {
		d = Deref(d)
		if list := Child(d, "items"); list != nil && strings.HasSuffix(Text(d, "kind"), "List") {
			out = append(out, Objects(Items(list))...)
			continue
		}
		out = append(out, d)
	}
	return out
}

// EachScalar visits the scalars of a document, keys too. An alias stands for what is visited elsewhere.
func EachScalar(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode {
		visit(n)
	}
	for _, c := range n.Content {
		EachScalar(c, visit)
	}
}
