package admission

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

const (
	// maxNamed is how many releases the first line of a denial names.
	maxNamed = 3
	// maxFound is how many findings a review gathers before it judges no further release. Each takes up to two KiB, a release may have
	// thousands of them, and an object may be named by thousands of releases.
	maxFound = 5000
)

// reviewValues judges a ConfigMap or a Secret by the releases of its namespace that take values from it, each as it would be
// with the object as it was and as it is to be. Denied is what the change adds and the new object contains. What is missing
// may have moved into a release of the same commit, and what was there before must not keep anybody from changing the rest.
func (h *Handler) reviewValues(ctx context.Context, req *admissionv1.AdmissionRequest) outcome {
	object := func() client.Object { return &corev1.ConfigMap{} }
	if req.Kind.Kind == kindSecret {
		object = func() client.Object { return &corev1.Secret{} }
	}
	const what = "a ConfigMap or a Secret of v1"
	after, before := object(), client.Object(nil)
	if err := decodeInto(req.Object.Raw, after, what); err != nil {
		return badReview(err)
	}
	if req.Operation == admissionv1.Update {
		before = object()
		if err := decodeInto(req.OldObject.Raw, before, what); err != nil {
			return badReview(err)
		}
	}
	if after.GetDeletionTimestamp() != nil || before != nil && reflect.DeepEqual(dataOf(before), dataOf(after)) {
		return outcome{verdict: notReviewed}
	}
	v := valuesReview{
		policy: h.Policy(), reader: h.reader(), kind: req.Kind.Kind, before: before, after: after,
		of: objectKey{reflect.TypeOf(after), client.ObjectKey{Namespace: req.Namespace, Name: after.GetName()}},
	}
	found, judged := 0, 0
	incomplete := h.releasesNaming(ctx, req.Kind.Kind, v.of.key, func(hr *helmv2.HelmRelease) {
		found++
		if ctx.Err() == nil && len(v.lines) < maxFound { // without time nobody waits any longer, and each may cost a second
			v.judge(ctx, hr)
			judged++
		}
	})
	if incomplete == "" && judged < found {
		incomplete = fmt.Sprintf("%d of %d HelmReleases that use it were judged", judged, found)
	}
	out := h.conclude(v.lines, " in HelmRelease "+v.who())
	if out.verdict != denied {
		out.warnings = slices.Concat(v.hints, out.warnings)
	}
	switch {
	case out.verdict == denied:
	case incomplete != "":
		out.verdict = notJudged
	case v.ofSpegel == 0:
		out.verdict = notSpegel
	}
	if incomplete != "" {
		out.warnings = slices.Insert(out.warnings, 0, "not judged in full: "+incomplete)
	}
	return out
}

// dataOf is what Flux reads of a ConfigMap or a Secret: binaryData it does not.
func dataOf(obj client.Object) any {
	return reflect.ValueOf(obj).Elem().FieldByName("Data").Interface()
}

// valuesReview gathers what is found in the releases that take values from an object.
type valuesReview struct {
	policy        *policy.Policy
	reader        *cachedReader
	of            objectKey
	kind          string
	before, after client.Object // before is nil for a new one

	ofSpegel int
	denying  []string // releases
	lines    []line
	hints    []string
}

// who names the first releases that deny.
func (v *valuesReview) who() string {
	names := strings.Join(v.denying[:min(len(v.denying), maxNamed)], ", ")
	if more := len(v.denying) - maxNamed; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return names
}

// resolve resolves a release to which the object is another one, or not there.
func (v *valuesReview) resolve(ctx context.Context, hr *helmv2.HelmRelease, obj client.Object) *release.Release {
	v.reader.objects[v.of] = cachedObject{Object: obj}
	if obj == nil {
		v.reader.objects[v.of] = cachedObject{err: apierrors.NewNotFound(schema.GroupResource{}, v.of.key.Name)}
	}
	return release.Resolve(ctx, hr, release.Options{Charts: v.policy.Charts, Reader: v.reader})
}

// judge evaluates a release with the object as it is to be, and, if it matters, as it was.
func (v *valuesReview) judge(ctx context.Context, hr *helmv2.HelmRelease) {
	rel := v.resolve(ctx, hr, v.after)
	if rel == nil {
		return
	}
	was := v.resolve(ctx, hr, v.before)
	if listChanges(was, rel) {
		v.hints = append(v.hints, restartHint(hr))
	}
	v.ofSpegel++
	at := fmt.Sprintf("%s/%s", validate.Clean(hr.Namespace), validate.Clean(hr.Name))
	lines := linesOf(rel.Evaluate(v.policy.Policy))
	v.markAdded(was, rel, lines)
	for i := range lines {
		l := &lines[i]
		if l.Rule != ruleUnresolved {
			l.at = l.Path.String() + ": "
		}
		l.at = "HelmRelease " + at + ": " + l.at
	}
	if slices.ContainsFunc(lines, func(l line) bool { return l.denies }) {
		v.denying = append(v.denying, at)
	}
	v.lines = append(v.lines, lines...)
}

// markAdded has findings deny the change: those that the release did not have before and that stand in the
// new object, and those that only warned before, as Spegel wrote no hosts files, if the new object says that it does. They are
// compared by rule and entry: an entry may have another position in the list.
func (v *valuesReview) markAdded(before, after *release.Release, lines []line) {
	deny := func(l line) bool { return l.Severity == validate.Deny && !after.Suspended }
	if !slices.ContainsFunc(lines, deny) {
		return
	}
	had, milder := entries{}, entries{}
	here := func(from release.Origin) bool { return from.Kind == v.kind && from.Name == v.of.key.Name }
	if before != nil {
		was, _, _ := before.Value("containerdMirrorAdd")
		is, from, _ := after.Value("containerdMirrorAdd")
		turnedOn := was == false && is != false && here(from)
		for _, f := range before.Evaluate(v.policy.Policy).Findings {
			if f.Severity == validate.Deny || !turnedOn {
				had.add(f.Finding)
			} else {
				milder.add(f.Finding)
			}
		}
	}
	for i := range lines {
		switch l := &lines[i]; {
		case !deny(*l) || had.take(l.Finding):
		case milder.take(l.Finding):
			l.Fix += ", or leave containerdMirrorAdd: false"
			l.denies = true
		default:
			l.denies = here(l.origin)
		}
	}
}
