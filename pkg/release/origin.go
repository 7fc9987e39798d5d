package release

import (
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Origin is where a value comes from. The zero value is spec.values.
type Origin struct {
	Kind, Namespace, Name, Key string // of an entry of spec.valuesFrom
	Index                      int    // of that entry
	File                       string // of the chart that holds the value, if the chart brings it
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
	value, _ := certainty.At(r.values, p)
	isEntry, anywhere := false, false
	if len(p) > 0 {
		_, isEntry = p[len(p)-1].(int)
	}
	for _, l := range slices.Backward(r.layers) {
		v, set := certainty.At(l.tree, p)
		switch {
		case !set || v == nil && isEntry && l.ref.TargetPath != "": // a targetPath into a list sets no position but its own
		case same(v, value):
			return l.origin, l.origin.Kind != "Secret"
		case !anywhere:
			o, anywhere = l.origin, true
		}
	}
	return o, false
}

// same compares nodes. Maps are made of several layers, of which the uppermost counts.
func same(a, b any) bool {
	_, _, isMap := certainty.Parts(a)
	_, _, both := certainty.Parts(b)
	return isMap && both || reflect.DeepEqual(a, b)
}
