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

// Key is where a ConfigMap holds the policy file, as the manifests mount it.
const Key = "policy.yaml"

// Parse reads a policy, or the ConfigMap that holds one under Key. The name stands for the file in errors. All mistakes are
// reported together, one a line, in the order of the file.
func Parse(name string, data []byte) (*Policy, error) {
	p := parser{name: name, policy: Default(), line: func(line int) int { return line }}
	if root := p.unwrap(p.read(data)); root != nil {
		p.policyFile(root)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.policy, nil
}

// parser walks the nodes of a policy file and collects what is wrong with them.
type parser struct {
	name     string
	line     func(line int) int // the way back from a text to the lines of its file
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

// errorf adds a mistake at a node; one that has no field concerns the file.
func (p *parser) errorf(n *yaml.Node, field, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if field != "" {
		text = field + ": " + text
	}
	line := p.line(n.Line)
	p.mistakes = append(p.mistakes, mistake{line, fmt.Errorf("%s:%d: %s", p.name, line, text)})
}

// read parses YAML of exactly one document; nil for anything else.
func (p *parser) read(data []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		p.errorf(&yaml.Node{Line: 1}, "", "empty; want apiVersion: %s and kind: %s", APIVersion, Kind)
		return nil
	}
	if err == nil {
		err = dec.Decode(&second)
	}
	switch {
	case errors.Is(err, io.EOF):
		return doc.Content[0]
	case err == nil:
		p.errorf(&second, "", "a second document; want one policy")
	default:
		line, _, reason := yamlerror.Place(data, err)
		p.errorf(&yaml.Node{Line: line}, "", "not YAML: %s", reason)
	}
	return nil
}

// unwrap returns the policy inside a ConfigMap, so that a repository and its cluster can share one file. A document that is
// no ConfigMap is the policy itself.
func (p *parser) unwrap(root *yaml.Node) *yaml.Node {
	var cm struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Data       map[string]yaml.Node
	}
	if root != nil {
		_ = root.Decode(&cm) // what does not fit stays empty
	}
	if cm.APIVersion != "v1" || cm.Kind != "ConfigMap" {
		return root
	}
	value, ok := cm.Data[Key]
	if !ok {
		p.errorf(resolve(root), "data", "a ConfigMap without the key %s, which has to hold the policy", Key)
		return nil
	}
	policy, ok := p.str(&value, join("data", Key))
	if !ok {
		return nil
	}
	at := resolve(&value)
	p.line = func(n int) int {
		if at.Style == yaml.LiteralStyle {
			return at.Line + n
		}
		return at.Line // where lines are folded or escaped, the first is all that is known
	}
	return p.read([]byte(policy))
}

func (p *parser) policyFile(root *yaml.Node) {
	fields := map[string]func(value *yaml.Node){
		"apiVersion":        func(value *yaml.Node) { p.oneOf(value, "apiVersion", APIVersion) },
		"kind":              func(value *yaml.Node) { p.oneOf(value, "kind", Kind) },
		"privateRegistries": p.privateRegistries,
		"rules":             p.rules,
		"charts":            p.charts,
		"unresolved": func(value *yaml.Node) {
			p.policy.Unresolved = Unresolved(p.oneOf(value, "unresolved", string(UnresolvedWarn), string(UnresolvedDeny)))
		},
	}
	set := p.each(root, "", func(key *yaml.Node, value *yaml.Node) {
		if read := fields[key.Value]; read != nil {
			read(value)
		} else {
			p.errorf(key, join("", key.Value), "unknown field; want apiVersion, kind, privateRegistries, rules, charts or unresolved")
		}
	})
	for _, want := range [][2]string{{"apiVersion", APIVersion}, {"kind", Kind}} {
		if set != nil && set[want[0]] == 0 { // nil is no map
			p.errorf(root, want[0], "missing; want %s", want[1])
		}
	}
}
