package release

import (
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Finding is a finding of the rules, with the place its value comes from.
type Finding struct {
	validate.Finding
	Origin Origin
}

// Field is where the value is: spec.values.spegel.registries, or, for a value from a reference,
// valuesFrom ConfigMap kube-system/spegel-values key values.yaml: spegel.registries.
func (f Finding) Field() string { return f.Origin.field(f.Path) }

// Reference is an object that a release needs and that could not be read.
type Reference struct {
	Kind, Namespace, Name string
	Key                   string
	Reason                string // why, in words
	// Source says that it is the source of the chart, so that whose chart it is is not known. No policy denies a release
	// for that: a source is applied after its release, and a denial would keep it away for good.
	Source bool
}

// Deniable reports whether a policy may deny a release for this reference.
func (r Reference) Deniable() bool { return !r.Source }

// Result is what the rules say about a release.
type Result struct {
	// Findings are certain: nothing that could not be read can turn them.
	Findings []Finding
	// Unresolved are the references that could not be read and could change the findings, in the order of
	// spec.valuesFrom.
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
	found := r.rules(r.values, policy)
	isUnread := func(ref reference) bool { return ref.unread != "" }
	var res Result
	if len(r.refs) == 0 || len(found) == 0 && !slices.ContainsFunc(r.refs, isUnread) {
		for _, f := range found {
			res.Findings = append(res.Findings, Finding{Finding: f})
		}
		return res
	}
	x := r.excerpt(found)
	if slices.ContainsFunc(r.refs, isUnread) {
		rules := func(values any) []validate.Finding { return r.rules(values, policy) }
		found, res.Unresolved = x.certain(found, rules, ask(found, r.values, policy))
	}
	origins, public := x.origins(found), x.public(found)
	for _, f := range found {
		o := origins(f.Path)
		if o.Kind == "Secret" || !public(f.Path) {
			f.Value = ""
		}
		res.Findings = append(res.Findings, Finding{f, o})
	}
	return res
}

func (r *Release) rules(values any, policy validate.Policy) []validate.Finding {
	found, _ := validate.Validate(validate.Input{Values: values, OwnChart: r.own, ChartVersion: r.Version}, policy)
	return found
}
