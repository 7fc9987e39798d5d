package admission

import (
	"context"
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
	const what = "a DaemonSet of apps/v1"
	var before, after appsv1.DaemonSet
	if err := decodeInto(req.Object.Raw, &after, what); err != nil {
		return badReview(err)
	}
	pol, had, hadUnread := h.Policy(), entries{}, map[rollout.Reference]bool{}
	if req.Operation == admissionv1.Update {
		if err := decodeInto(req.OldObject.Raw, &before, what); err != nil {
			return badReview(err)
		}
		if equality.Semantic.DeepEqual(before.Spec.Template, after.Spec.Template) {
			return outcome{verdict: notReviewed}
		}
		was, _ := daemonset.Judge(&before.Spec.Template.Spec, pol.Policy, nil)
		for _, f := range was.Findings {
			if f.Severity == validate.Deny { // one that warned, as nothing wrote hosts files, is another where something does
				had.add(f.Finding)
			}
		}
		for _, u := range was.Unresolved {
			hadUnread[u.Reference] = true
		}
	}
	if after.DeletionTimestamp != nil {
		return outcome{verdict: notReviewed}
	}
	res, ok := daemonset.Judge(&after.Spec.Template.Spec, pol.Policy, nil)
	if !ok {
		return outcome{verdict: notSpegel}
	}
	var lines []line
	for _, f := range res.Findings {
		lines = append(lines, line{Finding: f.Finding, field: f.Field, text: f.Text(), denies: f.Severity == validate.Deny && !had.take(f.Finding)})
	}
	for _, u := range res.Unresolved {
		lines = append(lines, line{
			Finding: validate.Finding{Rule: ruleUnresolved, Fix: "write the value into the template"}, kind: u.Kind, field: u.Field, text: u.Text(),
			denies: pol.Unresolved == policy.UnresolvedDeny && !hadUnread[u.Reference],
		})
	}
	return h.conclude(lines, " in "+describe(&after, req.Namespace))
}

// describe names a DaemonSet and what it belongs to, as its labels say.
func describe(ds *appsv1.DaemonSet, namespace string) string {
	name := fmt.Sprintf("DaemonSet %s/%s", validate.Clean(namespace), validate.Clean(ds.Name))
	flux, helm := rollout.Owners(ds)
	switch {
	case flux.Name != "" && flux.Namespace != "":
		return fmt.Sprintf("%s of HelmRelease %s/%s", name, validate.Clean(flux.Namespace), validate.Clean(flux.Name))
	case helm.Name != "":
		return fmt.Sprintf("%s of Helm release %s/%s", name, validate.Clean(helm.Namespace), validate.Clean(helm.Name))
	}
	return name
}
