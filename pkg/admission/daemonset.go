package admission

import (
	"context"
	jsonv2 "encoding/json/v2"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/spegel-guard/spegel-guard/pkg/daemonset"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/rollout"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// reviewDaemonSet judges the arguments of a DaemonSet's template, whoever made it. Denied is what the template adds, so that a restart
// passes, and a change that fixes one of two faults. Nothing is read.
func (h *Handler) reviewDaemonSet(_ context.Context, req *admissionv1.AdmissionRequest) outcome {
	after, err := decodeDaemonSet(req.Object.Raw)
	if err != nil {
		return badReview("object is not decodable", err)
	}
	pol, had := h.Policy(), entries{}
	var was daemonset.Result
	if req.Operation == admissionv1.Update {
		before, err := decodeDaemonSet(req.OldObject.Raw)
		if err != nil {
			return badReview("old object is not decodable", err)
		}
		if equality.Semantic.DeepEqual(before.Spec.Template, after.Spec.Template) {
			return outcome{verdict: notReviewed}
		}
		was, _ = daemonset.Judge(&before.Spec.Template.Spec, pol.Policy, nil)
	}
	if after.DeletionTimestamp != nil {
		return outcome{verdict: notReviewed}
	}
	res, ok := daemonset.Judge(&after.Spec.Template.Spec, pol.Policy, nil)
	if !ok {
		return outcome{verdict: notSpegel}
	}
	for _, f := range was.Findings {
		if f.Severity == validate.Deny { // one that warned, as nothing wrote hosts files, is another where something does
			had.add(f.Finding)
		}
	}
	out := outcome{verdict: admitted(len(res.Findings), len(res.Unresolved)), unresolved: len(res.Unresolved)}
	var denying []locatedFinding
	for _, f := range res.Findings {
		h.Metrics.finding(f.Finding)
		if f.Severity == validate.Deny && !had.take(f.Finding) {
			denying = append(denying, locatedFinding{f.Finding, f.Field, f.Text()})
		} else {
			out.warnings = append(out.warnings, fmt.Sprintf("%s: %s", f.Rule, f.Text()))
		}
	}
	out.deny(denying)
	for _, u := range res.Unresolved {
		h.Metrics.unread(u.Kind)
		out.warnings = append(out.warnings, fmt.Sprintf("%s: %s", ruleUnresolved, u.Text()))
	}
	if pol.Unresolved == policy.UnresolvedDeny {
		out.denyUnresolved(unreadArguments(was.Unresolved, res.Unresolved))
	}
	if len(out.problems) > 0 {
		out.verdict = denied
		out.headline += " in " + describe(after, req.Namespace)
	}
	return out
}

// unreadArguments are those that were not there before.
func unreadArguments(before, after []daemonset.Unresolved) (problems []problem) {
	had := map[rollout.Reference]bool{}
	for _, u := range before {
		had[u.Reference] = true
	}
	for _, u := range after {
		if !had[u.Reference] {
			problems = append(problems, problem{u.Field, u.Text() + ", so what Spegel would mirror is not known; write it as an argument", ruleUnresolved})
		}
	}
	return problems
}

// describe names a DaemonSet and what it belongs to, as its labels say.
func describe(ds *appsv1.DaemonSet, namespace string) string {
	name := fmt.Sprintf("DaemonSet %s/%s", validate.Clean(namespace), validate.Clean(ds.Name))
	flux, helm := rollout.Owners(ds)
	switch {
	case flux.Name != "":
		return fmt.Sprintf("%s of HelmRelease %s/%s", name, validate.Clean(flux.Namespace), validate.Clean(flux.Name))
	case helm.Name != "":
		return fmt.Sprintf("%s of Helm release %s/%s", name, validate.Clean(helm.Namespace), validate.Clean(helm.Name))
	}
	return name
}

// decodeDaemonSet reads a DaemonSet. The error quotes nothing of it.
func decodeDaemonSet(raw []byte) (*appsv1.DaemonSet, error) {
	ds := &appsv1.DaemonSet{}
	if len(raw) == 0 || jsonv2.Unmarshal(raw, ds, asTheAPIServer()) != nil {
		return nil, errors.New("expected a DaemonSet of apps/v1 as the object")
	}
	return ds, nil
}
