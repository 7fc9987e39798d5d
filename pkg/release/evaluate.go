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
}

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
	found := r.rules(r.values, policy)
	var res Result
	found, res.Unresolved = r.certain(found, policy)
	origins := r.origins(found)
	for _, f := range found {
		o := origins(f.Path)
		if o.Kind == "Secret" {
			f.Value = ""
		}
		res.Findings = append(res.Findings, Finding{f, o})
	}
	return res
}

func (r *Release) rules(values any, policy validate.Policy) []validate.Finding {
	return validate.Validate(validate.Input{Values: values, ChartVersion: r.Version}, policy)
}

// certain keeps the findings that hold whatever the unread references say, and lists the references
// that could change any finding, for better or for worse.
func (r *Release) certain(found []validate.Finding, policy validate.Policy) ([]validate.Finding, []Reference) {
	var unread []int
	for i, ref := range r.refs {
		if ref.unread != "" {
			unread = append(unread, i)
		}
	}
	if len(unread) == 0 {
		return found, nil
	}
	if len(unread) > maxUnread {
		var all []Reference
		for _, i := range unread {
			all = append(all, r.refs[i].reference())
		}
		return nil, all
	}
	sure := found
	// try keeps what holds with the stand-ins too, and tells whether they change anything
	try := func(stand map[int]string) bool {
		values, _, err := merged(r.inline, r.refs, stand)
		if err != nil {
			return false // helm-controller would not install such a release
		}
		now := r.rules(values, policy)
		sure = slices.DeleteFunc(slices.Clone(sure), func(f validate.Finding) bool { return !contains(now, f) })
		return !slices.EqualFunc(now, found, same)
	}
	contents := standIns(found)
	var refs []Reference
	for _, i := range unread {
		changes := false
		for _, c := range contents {
			changes = try(map[int]string{i: c.for_(r.refs[i])}) || changes
		}
		if changes {
			refs = append(refs, r.refs[i].reference())
		}
	}
	for _, c := range contents { // and all of them at once
		stand := map[int]string{}
		for _, i := range unread {
			stand[i] = c.for_(r.refs[i])
		}
		try(stand)
	}
	return sure, refs
}

func (ref *reference) reference() Reference {
	return Reference{Kind: ref.Kind, Namespace: ref.namespace, Name: ref.Name, Key: ref.GetValuesKey(), Reason: ref.unread}
}

func contains(all []validate.Finding, f validate.Finding) bool {
	return slices.ContainsFunc(all, func(g validate.Finding) bool { return same(f, g) })
}

func same(a, b validate.Finding) bool {
	return a.Rule == b.Rule && a.Path.String() == b.Path.String() && a.Value == b.Value && a.Message == b.Message
}
