package fluxrepo

import (
	"slices"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// locator finds where a person would edit what a release is made of.
type locator struct {
	*graph
	o       *object
	own     *spot // the HelmRelease's document; nil if not known
	final   any   // the HelmRelease as it was built, with variables put in
	patches []*spot
	uses    map[string]Place // of variables; nil until one is asked for
}

func (g *graph) locator(o *object) *locator {
	l := &locator{graph: g, o: o, own: g.documentOf(o)}
	if text, err := g.put(o, nil); err == nil {
		if err := sigsyaml.Unmarshal(text, &l.final); err != nil {
			l.final = nil
		}
	}
	l.patches = g.patchesOf(o)
	return l
}

func (g *graph) placeOfObject(o *object) Place {
	if s := g.documentOf(o); s != nil {
		return s.place(g, s.node)
	}
	if o.file == "" && o.by != nil {
		return Place{File: g.show(o.by.file), Approximate: true}
	}
	return Place{File: g.show(o.file)}
}

// finding is the place of a finding: of the key or the list item that it is about or, where that is not
// set, of the nearest that is.
func (l *locator) finding(f release.Finding) Place {
	if f.Origin.Kind != "" {
		if p, ok := l.inReference(f.Origin.Kind, f.Origin.Namespace, f.Origin.Name, f.Origin.Key, f.Path); ok {
			return p
		}
		p := l.reference(release.Reference{Kind: f.Origin.Kind, Name: f.Origin.Name, Key: f.Origin.Key})
		p.Approximate = true
		return p
	}
	full := append([]any{"spec", "values"}, f.Path...)
	_, set := at(l.final, full)
	for n := len(full); n >= 2; n-- {
		if p, ok := l.inline(full[:n]); ok {
			p.Approximate = p.Approximate || set && n < len(full)
			return p
		}
		if n > 2 {
			if p, ok := l.inAnyReference(validate.Path(full[2:n])); ok {
				return p
			}
		}
	}
	return l.fallback(full)
}

// fallback is the HelmRelease's own file, with the nearest key that it has.
func (l *locator) fallback(full []any) Place {
	if l.own == nil {
		return l.placeOfObject(l.o)
	}
	for n := len(full); n >= 0; n-- {
		if key, _ := reach(l.own.node, full[:n]); key != nil {
			p := l.own.place(l.graph, key)
			_, set := at(l.final, full[:3])
			p.Approximate = set
			return p
		}
	}
	return l.own.place(l.graph, l.own.node)
}

// inline finds a node of the HelmRelease: in the last patch that sets it to what it became, or else in
// the HelmRelease itself.
func (l *locator) inline(full []any) (Place, bool) {
	want, set := at(l.final, full)
	if !set {
		return Place{}, false
	}
	for _, s := range l.patches {
		if p, ok := l.inPatch(s, full, want); ok {
			return p, true
		}
	}
	if p, ok := l.inReplacement(full, want); ok {
		return p, true
	}
	if l.own != nil {
		if key, value := reach(l.own.node, full); key != nil && l.gives(value, want, len(full) > 2) {
			return l.variableOr(l.o, l.own, key, value, full), true
		}
		if _, deep := full[len(full)-1].(int); deep {
			return Place{}, false
		}
	}
	return Place{}, false
}

// inAnyReference finds a key of the values in what valuesFrom names, last first.
func (l *locator) inAnyReference(p validate.Path) (Place, bool) {
	refs, _ := at(l.final, []any{"spec", "valuesFrom"})
	list, _ := refs.([]any)
	for _, ref := range slices.Backward(list) {
		m, _ := ref.(map[string]any)
		kind, _ := m["kind"].(string)
		name, _ := m["name"].(string)
		key, _ := m["valuesKey"].(string)
		if _, set := m["targetPath"]; set || kind != "ConfigMap" {
			continue
		}
		if key == "" {
			key = "values.yaml"
		}
		ns, _ := at(l.final, []any{"metadata", "namespace"})
		space, _ := ns.(string)
		if place, ok := l.inReference(kind, space, name, key, p); ok {
			return place, true
		}
	}
	return Place{}, false
}

// at follows a path in decoded YAML.
func at(v any, path []any) (any, bool) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			next, ok := m[step]
			if !ok {
				return nil, false
			}
			v = next
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil, false
			}
			v = list[step]
		}
	}
	return v, true
}
