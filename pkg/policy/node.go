package policy

import (
	"cmp"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// each calls f for the pairs of a map, and reports what is no map and keys that are set twice. It returns the line of each key.
func (p *parser) each(n *yaml.Node, field string, f func(key, value *yaml.Node)) map[string]int {
	m := resolve(n)
	if m.Kind != yaml.MappingNode {
		p.errorf(n, field, "%s; want a map", describe(m))
		return nil
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key := *resolve(m.Content[i])
		key.Line = m.Content[i].Line
		if key.Kind != yaml.ScalarNode {
			p.errorf(&key, field, "%s as a key; want a string", describe(&key))
			continue
		}
		if line, ok := seen[key.Value]; ok {
			p.errorf(&key, join(field, key.Value), "set twice, first in line %d", p.line(line))
			continue
		}
		seen[key.Value] = key.Line
		f(&key, m.Content[i+1])
	}
	return seen
}

// items hands on the strings of a list, and reports what is none, what is refused, and what is listed twice by the name
// that add returns.
func (p *parser) items(n *yaml.Node, field string, add func(s string) (name string, err error)) {
	list := resolve(n)
	if list.Kind != yaml.SequenceNode {
		p.errorf(n, field, "%s; want a list", describe(list))
		return
	}
	seen := map[string]bool{}
	for i, item := range list.Content {
		field := fmt.Sprintf("%s[%d]", field, i)
		s, ok := p.str(item, field)
		if !ok {
			continue
		}
		name, err := add(s)
		if err != nil {
			p.errorf(item, field, "%s: %v", quote(s), err)
		} else if seen[name] {
			p.errorf(item, field, "%s is listed twice", quote(s))
		}
		seen[name] = true
	}
}

func (p *parser) str(n *yaml.Node, field string) (string, bool) {
	s := resolve(n)
	if s.Kind != yaml.ScalarNode || s.Tag != "!!str" {
		p.errorf(n, field, "%s; want a string", describe(s))
		return "", false
	}
	return s.Value, true
}

// join is the path to a key, fit for one line.
func join(field, key string) string {
	key = validate.Clean(key)
	if key == "" {
		key = `""`
	}
	if field == "" {
		return key
	}
	return field + "." + key
}

// describe names the type of a node, for an error.
func describe(n *yaml.Node) string {
	name := map[string]string{
		"!!map": "a map", "!!seq": "a list", "!!null": "null", "!!str": "a string", "!!bool": "a boolean", "!!int": "a number",
		"!!float": "a number", "!!timestamp": "a date",
	}[n.ShortTag()]
	return cmp.Or(name, "a value tagged "+validate.Clean(strings.TrimPrefix(n.Tag, "!!")))
}
