package release

import "github.com/spegel-guard/spegel-guard/pkg/validate"

// Finding is a finding of the rules, with the place its value comes from.
type Finding struct {
	validate.Finding
	Origin Origin
}

// Field is where the value is: spec.values.spegel.registries, or, for a value from a reference,
// valuesFrom ConfigMap kube-system/spegel-values key values.yaml: spegel.registries.
func (f Finding) Field() string { return f.Origin.field(f.Path) }

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
	if r.source != nil {
		return Result{Unresolved: []Reference{*r.source}}
	}
	found, undecided := validate.Validate(r.input(), policy)
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
