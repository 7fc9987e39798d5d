package fluxrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what a document may grow to when its aliases are expanded.
const maxNodes = 1 << 20

// badYAML is a document that can't be read.
type badYAML struct {
	line, column int
	reason       string
	bomb         bool // it would grow without bounds in the hands of others
}

// isBomb tells an error of a document that nothing else may decode.
func isBomb(err error) bool {
	var bad *badYAML
	return errors.As(err, &bad) && bad.bomb
}

func (e *badYAML) Error() string { return e.reason }

var yamlLine = regexp.MustCompile(`line (\d+): `)

// decodeDocuments reads all documents of a file, and with an error those before it. Each is the node of
// its content; empty ones are left out. Anchors may be used again; keys may not, as for Flux.
func decodeDocuments(data []byte) (docs []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &badYAML{line: 1, column: 1, reason: fmt.Sprintf("is not YAML: %v", p)}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			bad := &badYAML{reason: "is not YAML: " + err.Error()}
			if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
				bad.line, _ = strconv.Atoi(m[1]) // digits
				bad.column = 1
				bad.reason = "is not YAML: " + err.Error()[len("yaml: ")+len(m[0]):]
			}
			bad.reason = plain(errors.New(bad.reason)) // it may quote a Secret's value
			return docs, bad
		}
		if len(doc.Content) == 0 || doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].Tag == "!!null" {
			continue
		}
		node := doc.Content[0]
		if err := sound(node); err != nil {
			return docs, err
		}
		docs = append(docs, node)
	}
}

// sound refuses what would take too much memory when aliases are expanded, and keys that occur twice.
func sound(node *yaml.Node) error {
	size := map[*yaml.Node]int{}
	var visit func(n *yaml.Node, depth int) (int, error)
	visit = func(n *yaml.Node, depth int) (int, error) {
		if n.Kind == yaml.AliasNode {
			total, known := size[n.Alias]
			if !known { // it stands inside itself
				return 0, &badYAML{n.Line, n.Column, "is not YAML: an alias contains itself", true}
			}
			return total, nil
		}
		if depth > 500 {
			return 0, &badYAML{n.Line, n.Column, "is nested too deeply", true}
		}
		total := 1
		var keys map[string]bool
		if n.Kind == yaml.MappingNode {
			keys = make(map[string]bool, len(n.Content)/2)
		}
		for i, c := range n.Content {
			if keys != nil && i%2 == 0 && c.Kind == yaml.ScalarNode && c.Tag != "!!merge" {
				if keys[c.Value] {
					return 0, &badYAML{c.Line, c.Column, fmt.Sprintf("has the key %q twice", short(c.Value)), false}
				}
				keys[c.Value] = true
			}
			s, err := visit(c, depth+1)
			if err != nil {
				return 0, err
			}
			if total += s; total > maxNodes {
				return 0, &badYAML{n.Line, n.Column, "is too large when its aliases are expanded", true}
			}
		}
		if n.Anchor != "" {
			size[n] = total
		}
		return total, nil
	}
	_, err := visit(node, 0)
	return err
}

func short(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// child returns the value of a key, with aliases and merge keys followed, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	_, v := entry(n, key)
	return v
}

// entry returns a key and its value.
func entry(n *yaml.Node, key string) (k, v *yaml.Node) {
	n = deref(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], deref(n.Content[i+1])
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		from := deref(n.Content[i+1])
		merged := []*yaml.Node{from}
		if from != nil && from.Kind == yaml.SequenceNode {
			merged = from.Content
		}
		for _, m := range merged {
			if k, v := entry(m, key); k != nil {
				return k, v
			}
		}
	}
	return nil, nil
}

// deref follows an alias.
func deref(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// text is the scalar at a path of keys, or "".
func text(n *yaml.Node, keys ...string) string {
	for _, k := range keys {
		n = child(n, k)
	}
	if n = deref(n); n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}
