package fluxrepo

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// leftOut is what stands in a file that is left out of a build.
const leftOut = "# left out\n"

// unname takes files that are left out off the list of a kustomization, but for one, so that the list is
// not empty: kustomize takes longer to find that a file holds nothing than for the rest of a large build.
func (t *tree) unname(over map[string][]byte) {
	list := child(t.node, "resources")
	if list == nil || list.Kind != yaml.SequenceNode {
		return
	}
	kept := 0
	content := slices.DeleteFunc(slices.Clone(list.Content), func(n *yaml.Node) bool {
		p, ok := resolve(t.dir, deref(n).Value)
		if !ok || string(over[p]) != leftOut {
			return false
		}
		kept++
		return kept > 1
	})
	if len(content) == len(list.Content) {
		return
	}
	whole := *t.node
	whole.Content = slices.Clone(whole.Content)
	short := *list
	short.Content = content
	for i := 1; i < len(whole.Content); i += 2 {
		if deref(whole.Content[i]) == list {
			whole.Content[i] = &short
		}
	}
	if text, err := yaml.Marshal(&whole); err == nil { // else the files stay, with nothing in them
		over[t.file.path] = text
	}
}
