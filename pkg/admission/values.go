package admission

import (
	"context"
	jsonv2 "encoding/json/v2"
	"errors"
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

// maxNamed is how many releases the first line of a denial names.
const maxNamed = 3

// reviewValues judges a ConfigMap or a Secret by the releases of its namespace that take values from it, each as it would be
// with the object as it was and as it is to be. Denied is what the change adds and the new object contains. What is missing
// may have moved into a release of the same commit, and what was there before must not keep anybody from changing the rest.
func (h *Handler) reviewValues(ctx context.Context, req *admissionv1.AdmissionRequest) outcome {
	after, err := decodeValues(req.Kind.Kind, req.Object.Raw)
	if err != nil {
		return badReview("object is not decodable", err)
	}
	var before client.Object
	if req.Operation == admissionv1.Update {
		if before, err = decodeValues(req.Kind.Kind, req.OldObject.Raw); err != nil {
			return badReview("old object is not decodable", err)
		}
	}
	if after.GetDeletionTimestamp() != nil || before != nil && reflect.DeepEqual(content(before), content(after)) {
		return outcome{verdict: notReviewed}
	}
	named := client.ObjectKey{Namespace: req.Namespace, Name: after.GetName()}
	v := valuesReview{handler: h, policy: h.Policy(), kind: req.Kind.Kind, key: named, before: before, after: after, reader: h.reader()}
	found, judged := 0, 0
	incomplete := h.releasesNaming(ctx, req.Kind.Kind, named, func(hr *helmv2.HelmRelease) {
		found++
		if ctx.Err() == nil { // else nobody waits any longer, and each may cost a second
			v.judge(ctx, hr)
			judged++
		}
	})
	switch {
	case incomplete != nil:
		incomplete = fmt.Errorf("the HelmReleases that use it could not be listed: %w", incomplete)
	case judged < found:
		incomplete = fmt.Errorf("%d of %d HelmReleases that use it were judged in time", judged, found)
	}
	return v.outcome(incomplete)
}

// valuesReview gathers what is found in the releases that take values from an object.
type valuesReview struct {
	handler       *Handler
	policy        *policy.Policy
	kind          string
	key           client.ObjectKey
	before, after client.Object // before is nil for a new one
	reader        release.Reader

	ofSpegel, findings, unresolved int
	denying                        []string // releases
	denied                         []release.Finding
	warnings                       []string
}

// judge evaluates a release with the object as it is to be, and, if it matters, as it was.
func (v *valuesReview) judge(ctx context.Context, hr *helmv2.HelmRelease) {
	resolve := func(obj client.Object) *release.Release {
		return release.Resolve(ctx, hr, release.Options{
			Charts: v.policy.Charts, Reader: replaced{v.reader, v.key, reflect.TypeOf(v.after), obj},
		})
	}
	rel := resolve(v.after)
	if rel == nil {
		return
	}
	res := rel.Evaluate(v.policy.Policy)
	v.handler.Metrics.found(res)
	was := resolve(v.before)
	added, rest := v.added(was, rel, res.Findings)
	if differ(was, rel) {
		v.warnings = append(v.warnings, restartHint(hr))
	}
	at := fmt.Sprintf("%s/%s", validate.Clean(hr.Namespace), validate.Clean(hr.Name))
	for _, f := range rest {
		v.warnings = append(v.warnings, fmt.Sprintf("%s: HelmRelease %s: %s: %s", f.Rule, at, f.Path, f.Text()))
	}
	for _, ref := range res.Unresolved {
		v.warnings = append(v.warnings, fmt.Sprintf("%s: HelmRelease %s: %s: %s", ruleUnresolved, at, name(ref), ref.Reason))
	}
	v.ofSpegel++
	v.findings += len(res.Findings)
	v.unresolved += len(res.Unresolved)
	if len(added) > 0 {
		v.denying = append(v.denying, at)
		v.denied = append(v.denied, added...)
	}
}

// added takes the findings that deny the change from the rest: those that the release did not have before and that stand in the
// new object, and those that only warned before, as Spegel wrote no hosts files, if the new object says that it does. They are
// compared by rule and entry: an entry may have another position in the list.
func (v *valuesReview) added(before, after *release.Release, found []release.Finding) (added, rest []release.Finding) {
	denies := func(f release.Finding) bool { return f.Severity == validate.Deny && !after.Suspended }
	if !slices.ContainsFunc(found, denies) {
		return nil, found
	}
	had, milder := entries{}, entries{}
	var turnedOn bool
	here := func(from release.Origin) bool { return from.Kind == v.kind && from.Name == v.key.Name }
	if before != nil {
		did, _ := before.WritesHosts()
		does, from := after.WritesHosts()
		turnedOn = !did && does && here(from)
		for _, f := range before.Evaluate(v.policy.Policy).Findings {
			if f.Severity == validate.Deny || !turnedOn {
				had.add(f.Finding)
			} else {
				milder.add(f.Finding)
			}
		}
	}
	for _, f := range found {
		switch {
		case !denies(f) || had.take(f.Finding):
			rest = append(rest, f)
		case milder.take(f.Finding):
			f.Fix += ", or leave containerdMirrorAdd: false"
			added = append(added, f)
		case here(f.Origin):
			added = append(added, f)
		default:
			rest = append(rest, f)
		}
	}
	return added, rest
}

// outcome is the answer for all releases together. Findings that several have in common are told once.
func (v *valuesReview) outcome(incomplete error) outcome {
	out := outcome{verdict: admitted(v.findings, v.unresolved), unresolved: v.unresolved}
	switch {
	case len(v.denied) > 0:
		out.verdict = denied
		seen := map[string]bool{}
		out.deny(located(slices.DeleteFunc(v.denied, func(f release.Finding) bool {
			known := seen[f.Field()+f.Rule]
			seen[f.Field()+f.Rule] = true
			return known
		})))
		out.headline += " in HelmRelease " + strings.Join(v.denying[:min(len(v.denying), maxNamed)], ", ")
		if more := len(v.denying) - maxNamed; more > 0 {
			out.headline += fmt.Sprintf(" and %d more", more)
		}
	case incomplete != nil:
		out.verdict = notJudged
	case v.ofSpegel == 0:
		out.verdict = notSpegel
	}
	if incomplete != nil {
		out.warnings = append(out.warnings, "not judged in full: "+incomplete.Error())
	}
	out.warnings = append(out.warnings, v.warnings...)
	return out
}

// decodeValues reads a ConfigMap or a Secret. The error quotes nothing of it.
func decodeValues(kind string, raw []byte) (client.Object, error) {
	obj := client.Object(&corev1.ConfigMap{})
	if kind == kindSecret {
		obj = &corev1.Secret{}
	}
	if len(raw) == 0 || jsonv2.Unmarshal(raw, obj, asTheAPIServer()) != nil {
		return nil, errors.New("expected a ConfigMap or a Secret of v1 as the object")
	}
	return obj, nil
}

// content is what Flux reads of an object: binaryData it does not.
func content(obj client.Object) any {
	switch obj := obj.(type) {
	case *corev1.ConfigMap:
		return obj.Data
	case *corev1.Secret:
		return obj.Data
	}
	return nil
}

// replaced is a reader to which one object is another one, or not there.
type replaced struct {
	release.Reader
	key  client.ObjectKey
	kind reflect.Type
	by   client.Object // nil: not there
}

// Get implements release.Reader.
func (r replaced) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	switch other := key != r.key || reflect.TypeOf(obj) != r.kind; {
	case other && r.Reader == nil:
		return &release.Unreadable{Reason: "not read"}
	case other:
		return r.Reader.Get(ctx, key, obj, opts...)
	case r.by == nil:
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(r.by).Elem())
	return nil
}
