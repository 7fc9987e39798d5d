package release

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Finding is a finding of the rules, with the place its value comes from.
type Finding struct {
	validate.Finding
	Origin Origin
}

// Field is where the value is: spec.values.spegel.registries, or, for a value from a reference,
// valuesFrom ConfigMap kube-system/spegel-values key values.yaml: spegel.registries.
func (f Finding) Field() string {
	o := f.Origin
	var source string
	switch o.Kind {
	case "":
		return f.Path.Under(field.NewPath("spec", "values")).String()
	case KindFile:
		source = "chart's " + validate.Clean(o.Name)
	default:
		name := strings.TrimPrefix(validate.Clean(o.Namespace)+"/"+validate.Clean(o.Name), "/") // a file need not say the namespace
		source = fmt.Sprintf("valuesFrom %s %s key %s", validate.Clean(o.Kind), name, validate.Clean(o.Key))
	}
	if len(f.Path) == 0 {
		return source
	}
	return source + ": " + f.Path.String()
}

// Origin is where a value comes from: an entry of spec.valuesFrom, or a file of the chart. The zero value is spec.values.
type Origin struct {
	Kind, Namespace, Name, Key string
	Index                      int // of the entry
}

// KindFile is the kind of what is a file of the chart.
const KindFile = "File"

// Reference is an object that a release needs and that could not be read, or a variable.
type Reference struct {
	Kind, Namespace, Name string
	Key                   string
	Reason                string // why, in words
	// Source says that it is the source of the chart, so that nobody knows whose chart it is. No policy denies a release
	// for that: a source is applied after its release, and a denial would keep it away for good.
	Source bool
	// Chart says that it is not an entry of spec.valuesFrom but the source of what the chart itself brings.
	Chart bool
	// Variable is the variable of Flux that has no value, where it is unknown for one.
	Variable string
}

// Result is what the rules say about a release.
type Result struct {
	// Findings are certain: nothing that could not be read can turn them.
	Findings []Finding
	// Unresolved is what could not be read and could change what denies, each once: entries of spec.valuesFrom in their order, with
	// their variables, those of spec.values, then what the chart itself brings.
	Unresolved []Reference
}

// Evaluate runs the rules over the effective values.
func (r *Release) Evaluate(policy validate.Policy) (res Result) {
	found, undecided := validate.Validate(r.input, policy)
	for _, reason := range undecided {
		res.Unresolved = append(res.Unresolved, r.unknown[reason])
	}
	for _, f := range found {
		origin, public := r.origin(f.Path)
		if !public {
			f.Value = ""
		}
		res.Findings = append(res.Findings, Finding{f, origin})
	}
	return res
}

// origin is the uppermost layer that sets a path to the value that is in force there, and whether that may be shown: what
// comes out of a Secret, or out of no layer as it is, may not. What is absent counts as inline, where a person would put it.
func (r *Release) origin(p validate.Path) (o Origin, public bool) {
	value, _ := certainty.At(r.input.Values, p)
	for _, l := range slices.Backward(r.layers) {
		if v, set := certainty.At(l.tree, p); set && same(v, value) {
			return l.origin, l.origin.Kind != "Secret"
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
