package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"
	"unicode/utf8"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// readTimeout bounds the reads of one review, well below the 5 seconds that the API server waits for an entry that fails
// closed. Where it waits for less, so does the context of the review.
const readTimeout = 3 * time.Second

// maxLogged is up to how many characters of a name are logged.
const maxLogged = 256

// Handler reviews HelmReleases, the ConfigMaps and Secrets that they take values from, and DaemonSets. Its fields are set before first
// use; it is safe for concurrent use.
type Handler struct {
	Policy  func() *policy.Policy // the policy in force
	Reader  release.Reader        // reads what a release names; nil counts it as unreadable
	Lister  Lister                // lists HelmReleases; nil leaves ConfigMaps and Secrets unjudged
	Metrics *Metrics
	Log     *slog.Logger

	readTimeout time.Duration // in place of the usual one, for tests
}

// Handle answers one review. An error in the review itself is 400; it says what was expected. A panic is 500, and what it says may be
// a value, so only its type is logged, and where it came from.
func (h *Handler) Handle(ctx context.Context, review admission.Request) (resp admission.Response) {
	req := &review.AdmissionRequest
	defer func() {
		if p := recover(); p != nil {
			h.Log.Error("panic in a review", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			resp = admission.Errored(http.StatusInternalServerError, errors.New("the review failed with a panic; see the log of spegel-guard"))
		}
	}()
	start := time.Now()
	out := h.review(ctx, req)
	h.Metrics.reviewed(req, out.verdict, time.Since(start))
	switch {
	case out.err != nil:
		h.Log.Error("bad review", "problem", out.err)
		return admission.Errored(http.StatusBadRequest, out.err)
	case out.verdict == denied:
		h.logDenial(req, out)
		return deny(req, out)
	}
	return admission.Allowed("").WithWarnings(bounded(out.warnings)...)
}

// review has the object judged by what knows its kind.
func (h *Handler) review(ctx context.Context, req *admissionv1.AdmissionRequest) outcome {
	var judge func(context.Context, *admissionv1.AdmissionRequest) outcome
	switch (metav1.GroupKind{Group: req.Kind.Group, Kind: req.Kind.Kind}) {
	case metav1.GroupKind{Group: helmv2.GroupVersion.Group, Kind: helmv2.HelmReleaseKind}:
		judge = h.reviewRelease
	case metav1.GroupKind{Kind: kindConfigMap}, metav1.GroupKind{Kind: kindSecret}:
		judge = h.reviewValues
	case metav1.GroupKind{Group: appsv1.GroupName, Kind: kindDaemonSet}:
		judge = h.reviewDaemonSet
	default:
		return badReview(errors.New("expected a HelmRelease of helm.toolkit.fluxcd.io/v2, a ConfigMap, a Secret or a DaemonSet of apps/v1"))
	}
	if req.SubResource != "" || req.Operation != admissionv1.Create && req.Operation != admissionv1.Update {
		return outcome{verdict: notReviewed}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(h.readTimeout, readTimeout))
	defer cancel()
	ctx = logr.NewContext(ctx, logr.Discard()) // client-go logs each read that ends early; the answer says so anyway
	return judge(ctx, req)
}

// reader reads each object once in a review.
func (h *Handler) reader() *cachedReader {
	return &cachedReader{Reader: h.Reader, objects: map[objectKey]cachedObject{}}
}

// logDenial logs who was denied what and why, and no value. A dry run leaves no trace but metrics.
func (h *Handler) logDenial(req *admissionv1.AdmissionRequest, out outcome) {
	if isDryRun(req) {
		return
	}
	var rules []string
	for _, p := range out.problems {
		if p.rule != ruleUnresolved && !slices.Contains(rules, p.rule) {
			rules = append(rules, p.rule)
		}
	}
	h.Log.Info("denied", "kind", req.Kind.Kind, "namespace", brief(req.Namespace), "name", brief(req.Name), "operation", req.Operation,
		"user", brief(req.UserInfo.Username), "rules", rules, "unresolved", out.unresolved)
}

func isDryRun(req *admissionv1.AdmissionRequest) bool { return req.DryRun != nil && *req.DryRun }

// brief cuts a name for the log. A webhook may be sent longer ones than the API server has.
func brief(s string) string {
	if runes := []rune(s[:min(len(s), utf8.UTFMax*(maxLogged+1))]); len(runes) > maxLogged {
		return string(runes[:maxLogged]) + "…"
	}
	return s
}
