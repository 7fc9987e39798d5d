package release

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Finding is a finding of the rules, with the place its value comes from.
type Finding struct {
	validate.Finding
	Origin Origin
	// Inline says that spec.values decides the finding: it holds whatever the entries of spec.valuesFrom are.
	Inline bool
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

// Deniable reports whether a policy may deny a release for this reference.
func (r Reference) Deniable() bool { return !r.Source }

// Result is what the rules say about a release.
type Result struct {
	// Findings are certain: nothing that could not be read can turn them.
	Findings []Finding
	// Unresolved is what could not be read and could change what denies: entries of spec.valuesFrom in their order, then
	// what the chart itself brings, then variables.
	Unresolved []Reference
}

// Denied lists the findings whose severity is deny, Warned the others.
func (r Result) Denied() []Finding { return r.with(validate.Deny) }

// Warned lists the findings whose severity is warn.
func (r Result) Warned() []Finding { return r.with(validate.Warn) }

func (r Result) with(s validate.Severity) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.Severity == s {
			out = append(out, f)
		}
	}
	return out
}

// Evaluate runs the rules over the effective values.
func (r *Release) Evaluate(policy validate.Policy) Result {
	if r.unknown != nil {
		return Result{Unresolved: []Reference{*r.unknown}}
	}
	found, undecided := r.rules(policy)
	var res Result
	for _, reason := range undecided {
		res.Unresolved = append(res.Unresolved, r.reference(reason))
	}
	if len(found) == 0 {
		return res
	}
	if r.layers == nil {
		r.layers = r.layersOf()
	}
	byInline := r.decidedInline(found, policy)
	for i, f := range found {
		origin, public := r.origin(f.Path)
		if !public {
			f.Value = ""
		}
		res.Findings = append(res.Findings, Finding{f, origin, byInline[i]})
	}
	return res
}

func (r *Release) rules(policy validate.Policy) (found []validate.Finding, undecided []int) {
	return validate.Validate(validate.Input{Values: r.values, OwnChart: r.own, ChartVersion: r.Version}, policy)
}

// decidedInline reports of each finding whether it is certain if no reference could be read.
func (r *Release) decidedInline(found []validate.Finding, policy validate.Policy) []bool {
	out := make([]bool, len(found))
	if len(r.refs) == 0 {
		for i := range out {
			out[i] = true
		}
		return out
	}
	without := *r
	without.refs = slices.Clone(r.refs)
	for i := range without.refs {
		without.refs[i].empty, without.refs[i].unread = false, "is not asked"
	}
	without.merge()
	type key struct{ rule, path string }
	certain := map[key]bool{}
	alone, _ := without.rules(policy)
	for _, f := range alone {
		certain[key{f.Rule, f.Path.String()}] = true
	}
	for i, f := range found {
		out[i] = certain[key{f.Rule, f.Path.String()}]
	}
	return out
}
