package release

import (
	"strings"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v4/pkg/chart/common"
)

// expanded is what a document costs with its aliases replaced by what they stand for, as it is read: a text of a few KiB
// may stand for gigabytes. Without aliases it is 0.
func expanded(text string) (int, error) {
	if !strings.Contains(text, "&") || !strings.Contains(text, "*") {
		return 0, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return 0, err
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
	return cost(&doc), nil
}

// readValues reads a document, or says why not. A values file of the chart comes here without having been weighed.
func readValues(text string) (values map[string]any, unread string) {
	cost, err := expanded(text)
	if cost > maxSize {
		return nil, tooLarge
	}
	if err == nil {
		values, err = common.ReadValues([]byte(text))
	}
	if err != nil {
		return nil, notYAML
	}
	return values, ""
}
