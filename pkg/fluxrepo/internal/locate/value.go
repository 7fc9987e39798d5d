package locate

import (
	"strings"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
)

// value is the node at the target's path in an object.
func (t Target) value(o *fluxgraph.Object) (any, bool) {
	text := o.Text
	if t.Key != "" {
		data, err := substitute.Data(o.Kind, o.Text)
		d, ok := data[t.Key]
		if err != nil || !ok {
			return nil, false
		}
		if t.Path == nil { // as a whole
			return d.Text, true
		}
		text = []byte(d.Text)
	}
	var v any
	if err := sigsyaml.Unmarshal(text, &v); err != nil {
		return nil, false
	}
	return certainty.At(v, t.Path)
}

// holds reports whether a text stands in any key or scalar of a node.
func holds(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		for _, c := range v {
			if holds(c, text) {
				return true
			}
		}
	case map[string]any:
		for k, c := range v {
			if strings.Contains(k, text) || holds(c, text) {
				return true
			}
		}
	}
	return false
}

// depth is how many steps of a target's path exist.
func (t Target) depth() int {
	for ; len(t.Path) > 0; t.Path = t.Path[:len(t.Path)-1] {
		if _, ok := t.value(t.Holder); ok {
			break
		}
	}
	return len(t.Path)
}
