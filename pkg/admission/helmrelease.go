package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxOld is up to how many bytes of the old object a change of the mirror list is looked for. It is for a hint, and costs
// as much as the review.
const maxOld = 1 << 20

// reviewRelease judges a HelmRelease.
func (h *Handler) reviewRelease(ctx context.Context, req *admissionv1.AdmissionRequest) outcome {
	hr, err := decode(req.Object.Raw)
	if err != nil {
		return badReview("object is not decodable", err)
	}
	if hr.DeletionTimestamp != nil {
		return outcome{verdict: notReviewed}
	}
	if hr.Namespace == "" {
		hr.Namespace = req.Namespace
	}
	pol := h.Policy()
	opts := release.Options{Charts: pol.Charts, Reader: h.reader(), Create: req.Operation == admissionv1.Create}
	rel := release.Resolve(ctx, hr, opts)
	if rel == nil {
		return outcome{verdict: notSpegel}
	}
	res := rel.Evaluate(pol.Policy)
	h.Metrics.found(res)

	out := outcome{unresolved: len(res.Unresolved)}
	if !rel.Suspended { // nothing is installed from one that is, and resuming it is an update that is reviewed
		denying, written := denying(req, res)
		out.deny(located(denying))
		if written && pol.Unresolved == policy.UnresolvedDeny {
			out.denyUnresolved(unreadValues(res.Unresolved))
		}
	}
	if len(out.problems) > 0 {
		out.verdict, out.warnings = denied, warnings(release.Result{Findings: res.With(validate.Warn), Unresolved: res.Unresolved})
		return out
	}
	out.verdict, out.warnings = admitted(len(res.Findings), len(res.Unresolved)), warnings(res)
	if h.listChanges(ctx, req, hr, rel, opts) {
		out.warnings = append(out.warnings, restartHint(hr))
	}
	return out
}

// denying lists the findings that deny, and reports whether the release itself is written: its spec is new or changes, and it is no
// dry run. Otherwise only what its inline values decide denies. Flux dry-runs a release against the ConfigMaps as they still
// are, and applies ConfigMaps first, so what they hold is judged when the release is written, and when they are.
func denying(req *admissionv1.AdmissionRequest, res release.Result) (findings []release.Finding, written bool) {
	findings = res.With(validate.Deny)
	if len(findings) == 0 && len(res.Unresolved) == 0 {
		return nil, false // and nothing to compare
	}
	if written = !isDryRun(req) && (req.Operation == admissionv1.Create || specChanges(req)); written {
		return findings, true
	}
	return slices.DeleteFunc(findings, func(f release.Finding) bool { return !f.Inline }), false
}

// specChanges compares what the API server sends of the specs, which has its keys in order.
func specChanges(req *admissionv1.AdmissionRequest) bool {
	var is, was struct {
		Spec json.RawMessage `json:"spec"`
	}
	if json.Unmarshal(req.Object.Raw, &is) != nil || json.Unmarshal(req.OldObject.Raw, &was) != nil {
		return true
	}
	return !bytes.Equal(is.Spec, was.Spec)
}

// located are findings with the fields that they are about.
func located(findings []release.Finding) []locatedFinding {
	out := make([]locatedFinding, 0, len(findings))
	for _, f := range findings {
		out = append(out, locatedFinding{f.Finding, f.Field(), f.Text()})
	}
	return out
}

// unreadValues are the references that a policy may deny a release for.
func unreadValues(refs []release.Reference) (problems []problem) {
	for _, ref := range refs {
		if !ref.Source {
			problems = append(problems, problem{
				name(ref), ref.Reason + ", so what Spegel would mirror is not known; make it readable or set the list in spec.values", ruleUnresolved,
			})
		}
	}
	return problems
}

// listChanges reports whether an update changes the effective mirror list; not known counts as no.
func (h *Handler) listChanges(ctx context.Context, req *admissionv1.AdmissionRequest, hr *helmv2.HelmRelease, rel *release.Release, opts release.Options) bool {
	if req.Operation != admissionv1.Update || len(req.OldObject.Raw) > maxOld {
		return false
	}
	old, err := decode(req.OldObject.Raw)
	if err != nil || sameValues(old, hr) {
		return false
	}
	if old.Namespace == "" {
		old.Namespace = req.Namespace
	}
	return differ(release.Resolve(ctx, old, opts), rel)
}

// differ reports whether the mirror lists of two resolved releases are known and differ.
func differ(before, after *release.Release) bool {
	if before == nil {
		return false
	}
	was, known := before.Value("mirroredRegistries")
	is, knownToo := after.Value("mirroredRegistries")
	return known && knownToo && !reflect.DeepEqual(was, is)
}

func sameValues(a, b *helmv2.HelmRelease) bool {
	var x, y []byte
	if a.Spec.Values != nil {
		x = a.Spec.Values.Raw
	}
	if b.Spec.Values != nil {
		y = b.Spec.Values.Raw
	}
	return bytes.Equal(x, y) && reflect.DeepEqual(a.Spec.ValuesFrom, b.Spec.ValuesFrom)
}
