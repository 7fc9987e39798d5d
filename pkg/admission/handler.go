package admission

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// readTimeout bounds the reads of one review, well below the webhook's timeoutSeconds of 5.
const readTimeout = 3 * time.Second

// maxOld is up to how many bytes of the old object a change of the mirror list is looked for. It is for a hint, and costs
// as much as the review.
const maxOld = 1 << 20

// maxLogged is up to how many characters of a name are logged.
const maxLogged = 256

// Handler reviews HelmReleases. Its fields are set before first use; it is safe for concurrent use.
type Handler struct {
	Policy  func() *policy.Policy // the policy in force
	Reader  release.Reader        // reads what a release names; nil counts it as unreadable
	Metrics *Metrics
	Log     *slog.Logger

	values      values        // bounds what is read and merged at the same time
	readTimeout time.Duration // in place of the usual one, for tests
}

// Handle answers one review. An error in the review itself is 400; it says what was expected.
func (h *Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	start := time.Now()
	verdict, resp := h.review(ctx, &req.AdmissionRequest)
	h.Metrics.reviewed(&req.AdmissionRequest, verdict, time.Since(start))
	return resp
}

func (h *Handler) review(ctx context.Context, req *admissionv1.AdmissionRequest) (verdict, admission.Response) {
	if req.Kind.Group != helmv2.GroupVersion.Group || req.Kind.Kind != helmv2.HelmReleaseKind {
		return h.badReview("another kind of object", errors.New("expected a HelmRelease of helm.toolkit.fluxcd.io/v2"))
	}
	if req.SubResource != "" || req.Operation != admissionv1.Create && req.Operation != admissionv1.Update {
		return notReviewed, admission.Allowed("")
	}
	hr, err := decode(req.Object.Raw)
	if err != nil {
		return h.badReview("object is not decodable", err)
	}
	if hr.DeletionTimestamp != nil {
		return notReviewed, admission.Allowed("")
	}
	if hr.Namespace == "" {
		hr.Namespace = req.Namespace
	}

	ctx, cancel := context.WithTimeout(ctx, cmp.Or(h.readTimeout, readTimeout))
	defer cancel()
	pol := h.Policy()
	part := &share{values: h.values}
	defer part.leave()
	ctx = context.WithValue(ctx, shareKey{}, part)
	ctx = logr.NewContext(ctx, logr.Discard()) // client-go logs each read that ends early; the answer says so anyway
	opts := release.Options{Charts: pol.Charts, Create: req.Operation == admissionv1.Create, Enter: part.enter}
	if h.Reader != nil {
		opts.Reader = &memo{Reader: h.Reader}
	}
	rel := release.Resolve(ctx, hr, opts)
	if rel == nil {
		return notSpegel, admission.Allowed("")
	}
	res := rel.Evaluate(pol.Policy)
	h.Metrics.found(res)

	v := judge(rel, res, pol)
	if v == denied {
		h.logDenial(req, res)
		return v, deny(req, res, pol)
	}
	resp := admission.Allowed("")
	resp.Warnings = warnings(res)
	if h.listChanges(ctx, req, hr, rel, opts) {
		resp.Warnings = append(resp.Warnings, restartHint(hr))
	}
	return v, resp
}

// listChanges tells whether an update changes the effective mirror list; not known counts as no.
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
	before := release.Resolve(ctx, old, opts)
	if before == nil {
		return false
	}
	was, known := before.MirrorList()
	is, knownToo := rel.MirrorList()
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

// badReview answers 400. The log gets what is wrong in words of ours, never a part of the body.
func (h *Handler) badReview(what string, err error) (verdict, admission.Response) {
	h.Log.Error("bad review", "problem", what)
	return failed, admission.Errored(http.StatusBadRequest, err)
}

// logDenial tells who was denied what and why, and no value. A dry run leaves no trace but metrics.
func (h *Handler) logDenial(req *admissionv1.AdmissionRequest, res release.Result) {
	if req.DryRun != nil && *req.DryRun {
		return
	}
	var rules []string
	for _, f := range res.Denied() {
		if !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	h.Log.Info("denied", "namespace", brief(req.Namespace), "name", brief(req.Name), "operation", req.Operation,
		"user", brief(req.UserInfo.Username), "rules", rules, "unresolved", len(res.Unresolved))
}

// brief cuts a name for the log. A webhook may be sent longer ones than the API server has.
func brief(s string) string {
	if runes := []rune(s[:min(len(s), utf8.UTFMax*(maxLogged+1))]); len(runes) > maxLogged {
		return string(runes[:maxLogged]) + "…"
	}
	return s
}
