package fluxrepo

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	kustomizeapis "github.com/fluxcd/pkg/apis/kustomize"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// patchesFor lists the patches that could have changed what a Kustomization builds, the last applied first.
func (g *graph) patchesFor(n *node) []*spot {
	var out []*spot
	patches := n.object.Spec.Patches
	rank := func(s *spot) int {
		return slices.IndexFunc(patches, func(p patchText) bool { return strings.TrimSpace(p.Patch) == s.text })
	}
	if len(patches) > 0 {
		for _, up := range slices.Backward(n.chain()) {
			for _, s := range g.spots(up.file) {
				out = append(out, s.nested(4)...)
			}
			if up == n {
				continue
			}
			for _, t := range up.trees {
				out = append(out, g.treePatches(t)...)
			}
		}
		out = slices.DeleteFunc(out, func(s *spot) bool { return rank(s) < 0 })
		slices.SortStableFunc(out, func(a, b *spot) int { return rank(b) - rank(a) })
		for _, s := range out {
			s.target = patches[rank(s)].Target
		}
	}
	for _, t := range slices.Backward(n.trees) {
		out = append(out, g.treePatches(t)...)
	}
	return out
}

// treePatches lists the patches of a tree, those of the outermost kustomization first.
func (g *graph) treePatches(t *tree) []*spot {
	var out []*spot
	t.walk(func(t *tree) bool {
		if t.file == nil {
			return true
		}
		var own []*spot
		for _, s := range g.spots(t.file.path) {
			for _, field := range []string{"patches", "patchesJson6902", "patchesStrategicMerge"} {
				for _, item := range items(child(s.node, field)) {
					own = append(own, g.patchSpots(t, s, item)...)
				}
			}
		}
		slices.Reverse(own)
		out = append(out, own...)
		return true
	})
	return out
}

func (g *graph) patchSpots(t *tree, s *spot, item *yaml.Node) []*spot {
	item = deref(item)
	file := text(item, "path")
	if item.Kind == yaml.ScalarNode {
		file = item.Value
	}
	inline := child(item, "patch")
	if isInline(item.Value) {
		inline, file = item, ""
	}
	var out []*spot
	if inline != nil {
		out = s.inner(inline)
	} else if p, ok := resolve(t.dir, file); ok && file != "" {
		out = g.spots(p)
	}
	target := targetOf(item)
	var all []*spot
	for _, in := range out {
		in.target = target
		all = append(append(all, in), in.nested(3)...)
	}
	return all
}

// targetOf is what a patch of a kustomization says that it is for; nil for nothing.
func targetOf(item *yaml.Node) *kustomizeapis.Selector {
	target := child(item, "target")
	if target == nil {
		return nil
	}
	return &kustomizeapis.Selector{Kind: text(target, "kind"), Namespace: text(target, "namespace"), Name: text(target, "name")}
}

// inPatch finds where a patch sets a node to what it became.
func (l *locator) inPatch(s *spot, full []any, want any) (Place, bool) {
	if s.node.Kind != yaml.SequenceNode {
		if kind := text(s.node, "kind"); kind != "" && kind != "HelmRelease" {
			return Place{}, false
		}
		if key, value := reach(s.node, full); key != nil && l.gives(value, want, true) {
			return l.variableOr(l.o, s, key, value, full), true
		}
		return Place{}, false
	}
	for _, op := range slices.Backward(items(s.node)) {
		value := child(op, "value")
		at, rest, ok := opReaches(text(op, "path"), full)
		if !ok || value == nil || text(op, "op") != "add" && text(op, "op") != "replace" {
			continue
		}
		key, found := reach(value, rest)
		if key == nil || !l.gives(found, want, true) {
			continue
		}
		if len(rest) == 0 && !at {
			key, _ = entry(op, "path")
		} else if len(rest) == 0 {
			key = found
		}
		return l.variableOr(l.o, s, key, found, full), true
	}
	return Place{}, false
}

// opReaches tells whether a JSON patch's path is a path or one above it, and what is left. element says
// that it stands for an element of a list.
func opReaches(pointer string, full []any) (element bool, rest []any, ok bool) {
	if pointer == "" {
		return false, full, true
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	if len(tokens) > len(full) {
		return false, nil, false
	}
	for i, token := range tokens {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch step := full[i].(type) {
		case string:
			if step != token {
				return false, nil, false
			}
			element = false
		case int:
			if token != "-" && token != strconv.Itoa(step) {
				return false, nil, false
			}
			element = true
		}
	}
	return element, full[len(tokens):], true
}

// gives tells whether a node, with variables put in, is what the release has. Of a map that was merged
// only the presence counts.
func (l *locator) gives(n *yaml.Node, want any, strict bool) bool {
	if m, ok := want.(map[string]any); ok || !strict {
		return n != nil && (n.Kind == yaml.MappingNode || len(m) == 0)
	}
	return l.equals(n, want)
}

// equals tells whether a node, with variables put in, is the very same.
func (l *locator) equals(n *yaml.Node, want any) bool {
	if n == nil {
		return want == nil
	}
	text, err := yaml.Marshal(n)
	if err != nil {
		return false
	}
	var have any
	if sigsyaml.Unmarshal(text, &have) == nil && same(have, want) {
		return true
	}
	if !strings.Contains(string(text), "${") {
		return false
	}
	put, err := l.scopeOf(l.o).eval(string(text), harmless)
	return err == nil && sigsyaml.Unmarshal([]byte(put), &have) == nil && same(have, want)
}

func same(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
