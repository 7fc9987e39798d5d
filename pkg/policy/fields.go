package policy

import (
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func (p *parser) privateRegistries(list *yaml.Node) {
	p.items(list, "privateRegistries", func(s string) (string, error) {
		r, err := validate.ParseRegistry(s)
		p.policy.PrivateRegistries = append(p.policy.PrivateRegistries, r)
		return r.String(), err
	})
}

func (p *parser) rules(node *yaml.Node) {
	var ids []string
	for _, r := range validate.Rules() {
		ids = append(ids, r.ID)
	}
	p.policy.Severities = map[string]validate.Severity{}
	p.each(node, "rules", func(key, value *yaml.Node) {
		field := join("rules", key.Value)
		if !slices.Contains(ids, key.Value) {
			p.errorf(key, field, "unknown rule; want one of %s", strings.Join(ids, ", "))
			return
		}
		s := p.oneOf(value, field, string(validate.Deny), string(validate.Warn), string(validate.Off))
		p.policy.Severities[key.Value] = validate.Severity(s)
	})
}

func (p *parser) charts(list *yaml.Node) {
	p.policy.Charts = nil
	p.items(list, "charts", func(s string) (string, error) {
		if !isChart(s) {
			return "", errors.New("want the name of a chart, or its oci:// or https:// URL")
		}
		p.policy.Charts = append(p.policy.Charts, s)
		return strings.TrimRight(s, "/"), nil
	})
	if list := resolve(list); list.Kind == yaml.SequenceNode && len(list.Content) == 0 {
		p.errorf(list, "charts", "empty, so no release would be Spegel's; remove the field for the default")
	}
}

// isChart reports whether s is a chart's name, or the oci:// or https:// URL of a chart.
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

func (p *parser) oneOf(n *yaml.Node, field string, want ...string) string {
	s, ok := p.str(n, field)
	if !ok || slices.Contains(want, s) {
		return s
	}
	choice := want[len(want)-1]
	if others := want[:len(want)-1]; len(others) > 0 {
		choice = strings.Join(others, ", ") + " or " + choice
	}
	p.errorf(n, field, "%s; want %s", quote(s), choice)
	return ""
}
