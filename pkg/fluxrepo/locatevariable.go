package fluxrepo

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var aVariable = regexp.MustCompile(`\$\{(\w+)`)

// variablesIn are the variables that Flux puts into a text, in which $${NAME} stands for ${NAME} itself.
func variablesIn(text string) (names []string) {
	for _, m := range aVariable.FindAllStringSubmatch(strings.ReplaceAll(text, "$$", ""), -1) {
		names = append(names, m[1])
	}
	return names
}

// variableOr is the place of a node, or of what sets the variable in it. The node becomes a part of an object.
func (l *locator) variableOr(o *object, s *spot, key, value *yaml.Node, full []any) Place {
	_, isItem := full[len(full)-1].(int)
	if value != nil && value.Kind == yaml.ScalarNode && !o.verbatim && (isItem || full[len(full)-1] != "spegel") {
		for _, name := range variablesIn(value.Value) {
			if p, ok := l.setting(o, name); ok {
				return p
			} else if _, set := l.scopeOf(o).set[name]; set {
				p = s.place(l.graph, key)
				p.Approximate = true
				return p
			}
		}
	}
	return s.place(l.graph, key)
}

// setting is where a variable is set that is put into an object.
func (l *locator) setting(o *object, name string) (Place, bool) {
	set, ok := l.scopeOf(o).set[name]
	if !ok {
		return Place{}, false
	}
	if set.object != nil {
		return l.settingIn(set.object, set.key, set.text)
	}
	for up := o.by; up != nil; up = up.parent {
		for _, s := range l.spots(up.file) {
			for _, in := range append([]*spot{s}, s.nested(4)...) {
				if k, v := reach(in.node, []any{"spec", "postBuild", "substitute", name}); k != nil && strings.ReplaceAll(v.Value, "\n", "") == set.text {
					return in.place(l.graph, k), true
				}
			}
		}
	}
	return Place{}, false
}

// settingIn is where a ConfigMap or Secret sets a variable.
func (l *locator) settingIn(o *object, key, value string) (Place, bool) {
	for _, s := range l.patchedSpots(o, key) {
		return s.place(l.graph, s.node), true
	}
	if s := l.documentOf(o); s != nil && o.generator == "" {
		for _, field := range []string{"data", "stringData"} {
			if k, v := entry(child(s.node, field), key); k != nil {
				p := s.place(l.graph, k)
				coded := o.kind == "Secret" && field == "data"
				p.Approximate = p.Approximate || !coded && (v == nil || strings.ReplaceAll(v.Value, "\n", "") != value)
				return p, true
			}
		}
	}
	for _, s := range l.datumSpots(o, key) {
		return s.place(l.graph, s.node), true
	}
	return Place{}, false
}

// variable is where a variable without a value is used: in the HelmRelease, in a patch, or in what it
// takes its values from.
func (l *locator) variable(name string) Place {
	if l.uses == nil {
		l.uses = l.usesOfVariables()
	}
	if p, ok := l.uses[name]; ok {
		return p
	}
	p := l.placeOfObject(l.o)
	p.Approximate = true
	return p
}

// usesOfVariables are the first places of all variables: there may be many of them.
func (l *locator) usesOfVariables() map[string]Place {
	out := map[string]Place{}
	for _, s := range l.spotsOfValues() {
		eachScalar(s.node, func(n *yaml.Node) {
			if strings.Contains(n.Value, "\n") {
				return
			}
			for _, name := range variablesIn(n.Value) {
				if _, known := out[name]; !known {
					out[name] = s.place(l.graph, n)
				}
			}
			if _, known := out[sopsValue]; !known && anEncrypted.MatchString(n.Value) {
				out[sopsValue] = s.place(l.graph, n)
			}
		})
	}
	return out
}

// spotsOfValues are the documents that a release is made of.
func (l *locator) spotsOfValues() []*spot {
	var spots []*spot
	if l.own != nil {
		spots = append(spots, l.own)
	}
	spots = append(spots, l.patches...)
	refs, _ := at(l.final, []any{"spec", "valuesFrom"})
	list, _ := refs.([]any)
	for _, ref := range list {
		m, _ := ref.(map[string]any)
		kind, _ := m["kind"].(string)
		from, _ := m["name"].(string)
		key, _ := m["valuesKey"].(string)
		if key == "" {
			key = "values.yaml"
		}
		ns, _ := at(l.final, []any{"metadata", "namespace"})
		space, _ := ns.(string)
		if o, _ := l.find(l.o.by, kind, space, from, l.o.file); o != nil {
			spots = append(spots, l.datumSpots(o, key)...)
		}
	}
	return spots
}
