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
			} else if set, ok := l.scopeOf(o).set[name]; ok && !set.given {
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
	if !ok || set.given {
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
