package admission

import (
	"context"
	"reflect"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxOld is up to how many bytes of the old object a change of the mirror list is looked for. It is for a hint, and costs
// as much as the review.
const maxOld = 1 << 20

// reviewRelease judges a HelmRelease. Nothing is installed from one that is suspended, and resuming it is an update that is reviewed.
//
// Where the release itself is not written, as at a dry run, only what its inline values decide denies. Flux dry-runs a release against
// the ConfigMaps as they still are, and applies ConfigMaps first, so what they hold is judged when the release is written, and when
// they are.
func (h *Handler) reviewRelease(ctx context.Context, req *admissionv1.AdmissionRequest) outcome {
	hr, err := decode(req.Object.Raw, req.Namespace)
	if err != nil {
		return badReview(err)
	}
	if hr.DeletionTimestamp != nil {
		return outcome{verdict: notReviewed}
	}
	pol := h.Policy()
	opts := release.Options{Charts: pol.Charts, Reader: h.reader(), Create: req.Operation == admissionv1.Create}
	rel := release.Resolve(ctx, hr, opts)
	if rel == nil {
		return outcome{verdict: notSpegel}
	}
	changed := specChanges(req)
	lines, written, inline := linesOf(rel.Evaluate(pol.Policy)), changed && !isDryRun(req), entries{}
	if len(lines) > 0 && !written {
		inline = inlineOnly(ctx, hr, opts, pol)
	}
	for i := range lines {
		switch l := &lines[i]; {
		case rel.Suspended:
		case l.Rule == ruleUnresolved:
			l.denies = !l.ofSource && written && pol.Unresolved == policy.UnresolvedDeny
		case l.Severity == validate.Deny:
			l.denies = written || inline.take(l.Finding)
		}
	}
	out := h.conclude(lines, "")
	if out.verdict != denied && changed && listChanges(before(ctx, req, opts), rel) {
		out.warnings = append(out.warnings, restartHint(hr))
	}
	return out
}

// before is the release as it was, for a hint; nil if it was none, or if to know it costs too much.
func before(ctx context.Context, req *admissionv1.AdmissionRequest, opts release.Options) *release.Release {
	if len(req.OldObject.Raw) > maxOld {
		return nil
	}
	hr, err := decode(req.OldObject.Raw, req.Namespace)
	if err != nil {
		return nil
	}
	return release.Resolve(ctx, hr, opts)
}

// inlineOnly are the findings that stay if no reference is read.
func inlineOnly(ctx context.Context, hr *helmv2.HelmRelease, opts release.Options, pol *policy.Policy) entries {
	alone, found := hr.DeepCopy(), entries{}
	for i := range alone.Spec.ValuesFrom {
		alone.Spec.ValuesFrom[i].Kind = "" // which nobody reads
	}
	if rel := release.Resolve(ctx, alone, opts); rel != nil {
		for _, f := range rel.Evaluate(pol.Policy).Findings {
			found.add(f.Finding)
		}
	}
	return found
}

// linesOf says what was found in a release, and what could not be read.
func linesOf(res release.Result) (lines []line) {
	for _, f := range res.Findings {
		lines = append(lines, line{Finding: f.Finding, origin: f.Origin, field: f.Field(), at: f.Field() + ": ", text: f.Text()})
	}
	for _, ref := range res.Unresolved {
		lines = append(lines, line{
			Finding: validate.Finding{Rule: ruleUnresolved, Fix: "make it readable or set the list in spec.values"},
			kind:    ref.Kind, ofSource: ref.Source, field: name(ref), at: name(ref) + ": ", text: ref.Reason,
		})
	}
	return lines
}

// listChanges reports whether the mirror lists of a release before and after a change are known and differ.
func listChanges(before, after *release.Release) bool {
	if before == nil {
		return false
	}
	was, _, known := before.Value("mirroredRegistries")
	is, _, knownToo := after.Value("mirroredRegistries")
	return known && knownToo && !reflect.DeepEqual(was, is)
}
