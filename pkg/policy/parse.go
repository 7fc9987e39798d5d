package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/yamlerror"
)

// Parse reads a policy, or the ConfigMap that holds one under Key. The name stands for the file in errors. All mistakes are
// reported together, one a line, in the order of the file.
func Parse(name string, data []byte) (*Policy, error) {
	doc, err := read(name, data, func(line int) int { return line })
	if err == nil {
		doc, err = unwrap(doc)
	}
	if err != nil {
		return nil, err
	}
	p := parser{document: doc, policy: Default()}
	p.policyFile(doc.root)
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.policy, nil
}

// document is one YAML document with the way back to the lines of its file.
type document struct {
	name string
	root *yaml.Node
	line func(line int) int
}

// read parses YAML of exactly one document.
func read(name string, data []byte, line func(int) int) (document, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return document{}, fmt.Errorf("%s:%d: empty; want apiVersion: %s and kind: %s", name, line(1), APIVersion, Kind)
	case err != nil:
		return document{}, notYAML(name, data, line, err)
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		return document{}, fmt.Errorf("%s:%d: a second document; want one policy", name, line(second.Line))
	case !errors.Is(err, io.EOF):
		return document{}, notYAML(name, data, line, err)
	}
	return document{name, doc.Content[0], line}, nil
}

func notYAML(name string, data []byte, at func(line int) int, err error) error {
	line, _, reason := yamlerror.Place(data, err)
	return fmt.Errorf("%s:%d: not YAML: %s", name, at(line), reason)
}

// parser walks the nodes of a policy file and collects what is wrong with them.
type parser struct {
	document
	policy   *Policy
	mistakes []mistake
}

type mistake struct {
	line int
	err  error
}

// err joins the mistakes in the order of the file.
func (p *parser) err() error {
	slices.SortStableFunc(p.mistakes, func(a, b mistake) int { return a.line - b.line })
	errs := make([]error, 0, len(p.mistakes))
	for _, m := range p.mistakes {
		errs = append(errs, m.err)
	}
	return errors.Join(errs...)
}

func (p *parser) errorf(n *yaml.Node, field, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if field != "" {
		text = field + ": " + text
	}
	line := p.line(n.Line)
	p.mistakes = append(p.mistakes, mistake{line, fmt.Errorf("%s:%d: %s", p.name, line, text)})
}

func (p *parser) policyFile(root *yaml.Node) {
	set := p.each(root, "", func(key *yaml.Node, value *yaml.Node) {
		switch key.Value {
		case "apiVersion":
			p.oneOf(value, key.Value, APIVersion)
		case "kind":
			p.oneOf(value, key.Value, Kind)
		case "privateRegistries":
			p.privateRegistries(value)
		case "rules":
			p.rules(value)
		case "charts":
			p.charts(value)
		case "unresolved":
			s := p.oneOf(value, key.Value, string(UnresolvedWarn), string(UnresolvedDeny))
			p.policy.Unresolved = Unresolved(s)
		default:
			p.errorf(key, join("", key.Value), "unknown field; want apiVersion, kind, privateRegistries, rules, charts or unresolved")
		}
	})
	if set == nil {
		return // no map
	}
	if set["apiVersion"] == 0 {
		p.errorf(root, "apiVersion", "missing; want %s", APIVersion)
	}
	if set["kind"] == 0 {
		p.errorf(root, "kind", "missing; want %s", Kind)
	}
}
