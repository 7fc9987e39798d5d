package release

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// expanded is what a document costs with its aliases replaced by what they stand for, as it is read: a text of a few KiB
// may stand for gigabytes. What can't be parsed costs too much, if it may have aliases.
func expanded(text string) int {
	if !strings.Contains(text, "&") || !strings.Contains(text, "*") {
		return 0
	}
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil {
		return maxSize + 1
	}
	anchors := map[*yaml.Node]int{}
	var cost func(n *yaml.Node) int
	cost = func(n *yaml.Node) int {
		if n.Kind == yaml.AliasNode {
			return anchors[n.Alias] // nothing within itself, which is no YAML
		}
		total := nodeSize + len(n.Value)
		for _, child := range n.Content {
			total = min(total+cost(child), maxSize+1)
		}
		if n.Anchor != "" {
			anchors[n] = total
		}
		return total
	}
	return cost(&doc)
}
