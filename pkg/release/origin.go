package release

import (
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Origin is where a value comes from. The zero value is spec.values.
type Origin struct {
	Kind, Namespace, Name, Key string // of an entry of spec.valuesFrom
	Index                      int    // of that entry
	File                       string // of the chart that holds the value, if the chart brings it
}

func (ref *reference) origin(index int) Origin {
	return Origin{Kind: ref.Kind, Namespace: ref.namespace, Name: ref.Name, Key: ref.GetValuesKey(), Index: index}
}

func (o Origin) field(p validate.Path) string {
	var source string
	switch {
	case o.File != "":
		source = "chart's " + validate.Clean(o.File)
	case o.Kind != "":
		source = fmt.Sprintf("valuesFrom %s %s/%s key %s", validate.Clean(o.Kind), validate.Clean(o.Namespace), validate.Clean(o.Name), validate.Clean(o.Key))
	default:
		return p.Under(field.NewPath("spec", "values")).String()
	}
	if len(p) == 0 {
		return source
	}
	return source + ": " + p.String()
}

// origin is the uppermost layer that sets a path to the value that is in force there, and whether that may be shown: what
// comes out of a Secret, or out of no layer as it is, may not. What is absent counts as inline, where a person would put it.
func (r *Release) origin(p validate.Path) (o Origin, public bool) {
	value, _ := lookup(r.values, p)
	anywhere := false
	for _, l := range slices.Backward(slices.Concat(r.chart, r.layers())) {
		v, set := l.at(p)
		if set && same(v, value) {
			return l.origin, l.origin.Kind != "Secret"
		}
		if set && !anywhere {
			o, anywhere = l.origin, true
		}
	}
	return o, false
}

// at is what a layer sets at a path. A targetPath into a list sets no position but its own.
func (l *layer) at(p validate.Path) (value any, set bool) {
	value, set = lookup(l.tree, p)
	if len(p) > 0 && l.target && value == nil {
		_, isPosition := p[len(p)-1].(int)
		set = set && !isPosition
	}
	return value, set
}

// same compares nodes. Maps are made of several layers, of which the uppermost counts.
func same(a, b any) bool {
	_, _, isMap := parts(a)
	_, _, both := parts(b)
	return isMap && both || reflect.DeepEqual(a, b)
}
