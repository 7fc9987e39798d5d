package fluxrepo

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// datumSpots are the documents in a key of a ConfigMap or Secret. Those of the patch that gave the key
// what it holds come first.
func (g *graph) datumSpots(o *object, key string) []*spot {
	out := g.patchedSpots(o, key)
	if o.generator != "" {
		return append(out, g.generatedSpots(o, key)...)
	}
	s := g.documentOf(o)
	if s == nil {
		return out
	}
	for _, field := range dataFields(o.kind) {
		if n := child(child(s.node, field), key); n != nil {
			return append(out, s.inner(n)...)
		}
	}
	return out
}

// dataFields hold clear text, the one that wins first.
func dataFields(kind string) []string {
	if kind == "Secret" {
		return []string{"stringData"}
	}
	return []string{"data"}
}

// patchedSpots are the documents in a patch that sets a key of a ConfigMap or Secret to what it became.
func (g *graph) patchedSpots(o *object, key string) (out []*spot) {
	patches := g.patchesOf(o)
	if len(patches) == 0 {
		return nil
	}
	data, err := g.data(o, nil)
	if err != nil || data[key].text == "" {
		return nil
	}
	best := 0
	for _, s := range patches {
		points := s.meant(o)
		for _, field := range dataFields(o.kind) {
			for _, n := range setBy(s.node, []any{field, key}) {
				if points > best && n != nil && n.Kind == yaml.ScalarNode && g.becomes(o, n.Value, data[key].text) {
					best, out = points, s.inner(n)
				}
			}
		}
	}
	return out
}

// meant tells how well a patch, by its target or what it says itself, fits an object, whose name and
// namespace may have been changed since; 0 is not at all.
func (s *spot) meant(o *object) int {
	kind, ns, name := text(s.node, "kind"), text(s.node, "metadata", "namespace"), text(s.node, "metadata", "name")
	if t := s.target; t != nil {
		kind, ns, name = t.Kind, t.Namespace, t.Name
	}
	fits := func(pattern, what string) bool {
		ok, err := regexp.MatchString("^(?:"+pattern+")$", what)
		return pattern == "" || err == nil && ok
	}
	switch {
	case s.target == nil && kind == "" || !fits(kind, o.kind):
		return 0
	case !fits(name, o.name) && !strings.Contains(o.name, name):
		return 0
	case fits(ns, o.ns):
		return 2
	case o.by.setsNamespace():
		return 1
	}
	return 0
}

// setsNamespace tells whether objects may have had another namespace when they were patched.
func (n *node) setsNamespace() bool {
	sets := n.object.Spec.TargetNamespace != ""
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			sets = sets || child(t.node, "namespace") != nil
			return !sets
		})
	}
	return sets
}

// becomes tells whether a text, with variables put in, is what an object holds.
func (g *graph) becomes(o *object, text, want string) bool {
	end := func(s string) string { return strings.TrimRight(s, "\n") } // kustomize cuts the end of a patch
	if end(text) == end(want) || !strings.Contains(text, "${") {
		return end(text) == end(want)
	}
	put, err := g.scopeOf(o).eval(text, harmless)
	return err == nil && end(put) == end(want)
}

// setBy are the nodes to which a patch sets a path: that of a merge, or those of operations, the last
// first.
func setBy(patch *yaml.Node, full []any) (out []*yaml.Node) {
	if patch.Kind != yaml.SequenceNode {
		_, value := reach(patch, full)
		return []*yaml.Node{value}
	}
	for _, op := range slices.Backward(items(patch)) {
		if _, rest, ok := opReaches(text(op, "path"), full); ok && slices.Contains([]string{"add", "replace"}, text(op, "op")) {
			_, value := reach(child(op, "value"), rest)
			out = append(out, value)
		}
	}
	return out
}
