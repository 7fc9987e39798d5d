package fluxrepo

import (
	"strings"
	"sync"

	kustomizeapis "github.com/fluxcd/pkg/apis/kustomize"
	"go.yaml.in/yaml/v3"
)

// spot is a YAML document with the way back to the file that a person edits. A document may stand in a
// scalar of another: values in a ConfigMap, a patch in a Kustomization.
type spot struct {
	file  string
	node  *yaml.Node
	lines []string                      // of the text that node was read from
	back  func(spotPos) (spotPos, bool) // from a position in that text to one in the file, and whether it is exact
	text  string                        // trimmed

	target *kustomizeapis.Selector // of a patch; nil where it stands for itself
}

type spotPos struct{ line, column int }

// place is where a node stands.
func (s *spot) place(g *graph, n *yaml.Node) Place {
	pos, exact := spotPos{n.Line, n.Column}, true
	if s.back != nil {
		pos, exact = s.back(pos)
	}
	return Place{File: g.show(s.file), Line: pos.line, Column: pos.column, Approximate: !exact}
}

// spots are the documents of a file.
func (g *graph) spots(rel string) []*spot {
	f := g.files[rel]
	if f == nil {
		return nil
	}
	data, err := g.content(f)
	if err != nil {
		return nil
	}
	docs, _ := g.decoded(f) // those before the mistake count
	lines := splitLines(string(data))
	var out []*spot
	for _, d := range docs {
		out = append(out, &spot{file: rel, node: d, lines: lines})
	}
	return out
}

func splitLines(s string) []string {
	return strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
}

// inner reads the documents in a scalar.
func (s *spot) inner(n *yaml.Node) []*spot { return s.innerAfter(n, n.Value) }

// innerAfter reads the documents in a part of a scalar, which goes on to its end or to a quote there.
func (s *spot) innerAfter(n *yaml.Node, part string) []*spot {
	docs, err := decodeDocuments([]byte(part))
	if err != nil && len(docs) == 0 {
		return nil
	}
	lines := splitLines(part)
	positions := sync.OnceValue(func() []spotPos {
		i := strings.Index(n.Value, part)
		at := positions(s.lines, n)
		if at == nil || i < 0 {
			return nil
		}
		return at[len([]rune(n.Value[:i])):]
	})
	back := func(p spotPos) (spotPos, bool) {
		i := p.column - 1
		for _, line := range lines[:min(p.line-1, len(lines))] {
			i += len([]rune(line)) + 1
		}
		out, exact := spotPos{n.Line, n.Column}, false
		if at := positions(); i >= 0 && i < len(at) {
			out, exact = at[i], true
		}
		if s.back == nil {
			return out, exact
		}
		out, outer := s.back(out)
		return out, exact && outer
	}
	var out []*spot
	for _, d := range docs {
		out = append(out, &spot{file: s.file, node: d, lines: lines, text: strings.TrimSpace(part), back: back})
	}
	return out
}

// nested lists the documents in the block scalars of a document, and in theirs.
func (s *spot) nested(depth int) []*spot {
	var out []*spot
	if depth == 0 {
		return nil
	}
	eachScalar(s.node, func(n *yaml.Node) {
		if !strings.Contains(n.Value, "\n") {
			return
		}
		for _, in := range s.inner(n) {
			if in.node.Kind == yaml.MappingNode || in.node.Kind == yaml.SequenceNode {
				out = append(append(out, in), in.nested(depth-1)...)
			}
		}
	})
	return out
}

func eachScalar(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode {
		visit(n)
	}
	for _, c := range n.Content {
		eachScalar(c, visit)
	}
}

// reach follows a path of keys and positions. key is the node that names the last step: the key itself in
// a map, the element in a list.
func reach(n *yaml.Node, path []any) (key, value *yaml.Node) {
	key, value = n, deref(n)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			if key, value = entry(value, step); key == nil {
				return nil, nil
			}
		case int:
			list := items(value)
			if step >= len(list) {
				return nil, nil
			}
			key, value = list[step], deref(list[step])
		}
	}
	return key, value
}
