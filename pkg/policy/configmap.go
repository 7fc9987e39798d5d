package policy

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Key is where a ConfigMap holds the policy file, as the manifests mount it.
const Key = "policy.yaml"

// unwrap returns the policy file inside a ConfigMap, so that a repository and its cluster can share one file. A document
// that is no ConfigMap is the policy itself.
func unwrap(in document) (document, error) {
	root := resolve(in.root)
	if !says(root, "apiVersion", "v1") || !says(root, "kind", "ConfigMap") {
		return in, nil
	}
	text := field(field(root, "data"), Key)
	switch {
	case text == nil:
		return in, fmt.Errorf("%s:%d: data: a ConfigMap without the key %s, which has to hold the policy", in.name, in.line(root.Line), Key)
	case text.Kind != yaml.ScalarNode || text.Tag != "!!str":
		return in, fmt.Errorf("%s:%d: data.%s: %s; want a string", in.name, in.line(text.Line), Key, describe(text))
	}
	line := func(int) int { return text.Line } // where lines are folded or escaped, the first is all that is known
	if text.Style == yaml.LiteralStyle {
		line = func(n int) int { return text.Line + n }
	}
	return read(in.name, []byte(text.Value), line)
}

// field returns the value of a key of a map, with its alias followed; nil where there is none.
func field(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return resolve(m.Content[i+1])
		}
	}
	return nil
}

// says reports whether a field of a map has a value.
func says(m *yaml.Node, key, value string) bool {
	n := field(m, key)
	return n != nil && n.Value == value
}
