package locate

import (
	"fmt"
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

// holds reports whether a marker stands in any key or scalar of a node.
func holds(now any) func(marker string) bool {
	text := fmt.Sprint(now)
	return func(marker string) bool { return strings.Contains(text, marker) }
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
