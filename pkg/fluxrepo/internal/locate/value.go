package locate

import (
	"fmt"
	"strings"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
)

// read is what a target's path leads into: an object, or the values in a key of its data.
func (t Target) read(o *fluxgraph.Object) (v any) {
	text := o.Text
	if t.Key != "" {
		data, _ := substitute.Data(o.Kind, o.Text) // of what can't be read, nothing is found
		text = []byte(data[t.Key].Text)
		if t.Path == nil { // as a whole
			return data[t.Key].Text
		}
	}
	_ = sigsyaml.Unmarshal(text, &v)
	return v
}

// holds reports whether a marker stands in any key or scalar of a node.
func holds(now any) func(marker string) bool {
	text := fmt.Sprint(now)
	return func(marker string) bool { return strings.Contains(text, marker) }
}

// value is what a target's path leads into in the repository as it is, read once.
func (f *Finder) value(t Target) any {
	of := valueKey{t.Holder, t.Key, t.Path == nil}
	v, known := f.values[of]
	if !known {
		v = t.read(t.Holder)
		f.values[of] = v
	}
	return v
}

type valueKey struct {
	holder *fluxgraph.Object
	key    string
	whole  bool
}

// depth is how many steps of a target's path exist.
func (f *Finder) depth(t Target) int {
	for n := len(t.Path); n > 0; n-- {
		if _, ok := certainty.At(f.value(t), t.Path[:n]); ok {
			return n
		}
	}
	return 0
}
