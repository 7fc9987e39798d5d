package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Parse reads a policy. The name stands for the file in errors. All mistakes are reported together,
// one a line, in the order of the file.
func Parse(name string, data []byte) (*Policy, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s:1: empty; want apiVersion: %s and kind: %s", name, APIVersion, Kind)
	case err != nil:
		return nil, syntaxError(name, err)
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, fmt.Errorf("%s:%d: a second document; want one policy", name, second.Line)
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(name, err)
	}
	p := parser{name: name, policy: Default()}
	p.document(doc.Content[0])
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.policy, nil
}

// syntaxError turns "yaml: line 3: did not …" into the form of the other errors.
func syntaxError(name string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := "1"
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		line, text, _ = strings.Cut(rest, ": ")
	}
	return fmt.Errorf("%s:%s: not YAML: %s", name, line, text)
}

// parser walks the nodes of a policy file and collects what is wrong with them.
type parser struct {
	name     string
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
	p.mistakes = append(p.mistakes, mistake{n.Line, fmt.Errorf("%s:%d: %s", p.name, n.Line, text)})
}

func (p *parser) document(root *yaml.Node) {
	if resolve(root).Kind != yaml.MappingNode {
		p.errorf(root, "", "%s; want a map", describe(resolve(root)))
		return
	}
	var apiVersion, kind bool
	p.each(root, "", func(key *yaml.Node, value *yaml.Node) {
		switch key.Value {
		case "apiVersion":
			apiVersion = true
			p.constant(value, key.Value, APIVersion)
		case "kind":
			kind = true
			p.constant(value, key.Value, Kind)
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
	if !apiVersion {
		p.errorf(root, "apiVersion", "missing; want %s", APIVersion)
	}
	if !kind {
		p.errorf(root, "kind", "missing; want %s", Kind)
	}
}

func (p *parser) privateRegistries(list *yaml.Node) {
	seen := map[string]bool{}
	p.items(list, "privateRegistries", func(item *yaml.Node, field, s string) {
		r, err := validate.ParseRegistry(s)
		switch {
		case err != nil:
			p.errorf(item, field, "%s: %v", validate.Quote(s), err)
		case seen[r.String()]:
			p.errorf(item, field, "%s is listed twice", validate.Quote(s))
		default:
			seen[r.String()] = true
			p.policy.PrivateRegistries = append(p.policy.PrivateRegistries, r)
		}
	})
}

func (p *parser) rules(node *yaml.Node) {
	known := map[string]bool{}
	var ids []string
	for _, r := range validate.Rules() {
		known[r.ID] = true
		ids = append(ids, r.ID)
	}
	p.policy.Severities = map[string]validate.Severity{}
	p.each(node, "rules", func(key, value *yaml.Node) {
		field := join("rules", key.Value)
		if !known[key.Value] {
			p.errorf(key, field, "unknown rule; want one of %s", strings.Join(ids, ", "))
			return
		}
		s := p.oneOf(value, field, string(validate.Deny), string(validate.Warn), string(validate.Off))
		p.policy.Severities[key.Value] = validate.Severity(s)
	})
}

func (p *parser) charts(list *yaml.Node) {
	p.policy.Charts = nil
	seen := map[string]bool{}
	p.items(list, "charts", func(item *yaml.Node, field, s string) {
		name := strings.TrimRight(s, "/")
		switch {
		case !isChart(s):
			p.errorf(item, field, "%s: want the name of a chart, or its oci:// or https:// URL", validate.Quote(s))
		case seen[name]:
			p.errorf(item, field, "%s is listed twice", validate.Quote(s))
		default:
			seen[name] = true
			p.policy.Charts = append(p.policy.Charts, s)
		}
	})
	if list := resolve(list); list.Kind == yaml.SequenceNode && len(list.Content) == 0 {
		p.errorf(list, "charts", "empty, so no release would be Spegel's; remove the field for the default")
	}
}

// isChart tells whether s is a chart's name, or the oci:// or https:// URL of a chart.
func isChart(s string) bool {
	if strings.HasPrefix(s, "oci://") || strings.HasPrefix(s, "https://") {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(s, "?#") {
			return false
		}
		s = path.Base(u.Path)
	}
	return strings.Trim(s, ".") != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	})
}

func (p *parser) constant(n *yaml.Node, field, want string) {
	if s, ok := p.str(n, field); ok && s != want {
		p.errorf(n, field, "%s; want %s", validate.Quote(s), want)
	}
}

func (p *parser) oneOf(n *yaml.Node, field string, want ...string) string {
	s, ok := p.str(n, field)
	if !ok {
		return ""
	}
	for _, w := range want {
		if s == w {
			return s
		}
	}
	p.errorf(n, field, "%s; want %s or %s", validate.Quote(s), strings.Join(want[:len(want)-1], ", "), want[len(want)-1])
	return ""
}
