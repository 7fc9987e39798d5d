package fluxrepo

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// inReplacement finds what a replacement of kustomize takes a value from.
func (l *locator) inReplacement(full []any, want any) (place Place, found bool) {
	value, isText := want.(string)
	if l.o.by == nil || !isText {
		return Place{}, false
	}
	for _, t := range l.o.by.trees {
		t.walk(func(t *tree) bool {
			for _, r := range l.replacements(t) {
				if !targets(r, full) {
					continue
				}
				if s, key, from := l.replacementSource(t, child(r, "source")); from != nil && from.Value != "" && strings.Contains(value, from.Value) {
					place, found = s.place(l.graph, key), true
				}
			}
			return !found
		})
	}
	return place, found
}

// replacements are those of a kustomization, and of the files that it names for them.
func (g *graph) replacements(t *tree) (out []*yaml.Node) {
	for _, item := range items(child(t.node, "replacements")) {
		file := text(item, "path")
		if file == "" {
			out = append(out, deref(item))
			continue
		}
		if p, ok := resolve(t.dir, file); ok {
			for _, s := range g.spots(p) {
				if s.node.Kind == yaml.SequenceNode {
					out = append(out, items(s.node)...)
				} else {
					out = append(out, s.node)
				}
			}
		}
	}
	return out
}

// targets tells whether a replacement writes to a path.
func targets(r *yaml.Node, full []any) bool {
	for _, target := range items(child(r, "targets")) {
		for _, field := range items(child(target, "fieldPaths")) {
			steps := strings.Split(deref(field).Value, ".")
			ok := len(steps) == len(full)
			for i := 0; ok && i < len(steps); i++ {
				ok = steps[i] == "*" || strings.HasPrefix(steps[i], "[") || steps[i] == fmt.Sprint(full[i])
			}
			if ok {
				return true
			}
		}
	}
	return false
}

// replacementSource is the node that a replacement reads, if it stands in a file as it is.
func (g *graph) replacementSource(t *tree, source *yaml.Node) (s *spot, key, value *yaml.Node) {
	var steps []any
	for step := range strings.SplitSeq(text(source, "fieldPath"), ".") {
		steps = append(steps, step)
	}
	t.walk(func(t *tree) bool {
		for _, f := range t.resources {
			for _, at := range g.spots(f.path) {
				for _, d := range objectsOf(oneNode(at.node)) {
					if text(d, "kind") == text(source, "kind") && text(d, "metadata", "name") == text(source, "name") {
						if k, v := reach(d, steps); v != nil && v.Kind == yaml.ScalarNode {
							s, key, value = at, k, v
						}
					}
				}
			}
		}
		return s == nil
	})
	return s, key, value
}
