package fluxrepo

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

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

// usesOfVariables are the first places of all variables: there may be many of them. Those that the release was built with
// come before those that only stand in its documents, as a patch may have replaced these.
func (l *locator) usesOfVariables() map[string]Place {
	out := map[string]Place{}
	for _, s := range slices.Concat(l.patches, l.ownSpots()) {
		if s != l.own && s.meant(l.o) == 0 {
			continue
		}
		eachBuilt(s.node, l.final, func(n *yaml.Node, built string) {
			for _, name := range namesIn(built) {
				if _, known := out[name]; !known && slices.Contains(variablesIn(n.Value), name) {
					out[name] = s.place(l.graph, n)
				}
			}
		})
	}
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

// eachBuilt visits the scalars of a document, or of the operations of a JSON patch, the last first, each with the text of
// the release that stands at its path.
func eachBuilt(n *yaml.Node, built any, visit func(n *yaml.Node, built string)) {
	if n.Kind != yaml.SequenceNode {
		eachPair(n, built, visit)
		return
	}
	for _, op := range slices.Backward(n.Content) {
		if value := child(op, "value"); value != nil {
			eachPair(value, pointed(built, text(op, "path")), visit)
		}
	}
}

func eachPair(n *yaml.Node, built any, visit func(n *yaml.Node, built string)) {
	switch built := built.(type) {
	case string:
		if n.Kind == yaml.ScalarNode {
			visit(n, built)
		}
	case map[string]any:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			eachPair(n.Content[i+1], built[n.Content[i].Value], visit)
		}
	case []any:
		for i := 0; n.Kind == yaml.SequenceNode && i < min(len(n.Content), len(built)); i++ {
			eachPair(n.Content[i], built[i], visit)
		}
	}
}

// pointed follows the path of a JSON patch; - is the last of a list.
func pointed(v any, pointer string) any {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch in := v.(type) {
		case map[string]any:
			v = in[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
		case []any:
			i, err := strconv.Atoi(token)
			if token == "-" {
				i, err = len(in)-1, nil
			}
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// ownSpots is the HelmRelease's document, if it is known.
func (l *locator) ownSpots() []*spot {
	if l.own == nil {
		return nil
	}
	return []*spot{l.own}
}

// spotsOfValues are the documents that a release is made of.
func (l *locator) spotsOfValues() []*spot {
	spots := slices.Concat(l.ownSpots(), l.patches)
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
