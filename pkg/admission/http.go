package admission

import (
	"encoding/json"
	jsonv2 "encoding/json/v2"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// errIncomplete says that a body did not come in full.
var errIncomplete = errors.New("body could not be read")

// incompleteInterval is how often a body that does not come in full is logged.
const incompleteInterval = 10 * time.Second

// endpoint reads reviews off HTTP. It stands in for the HTTP part of controller-runtime's webhook, which
// logs what it can't decode, accepts any JSON object as a review and counts nothing; the response's completion
// stays with controller-runtime. A panic ends in Handler: controller-runtime would put its value into the answer.
type endpoint struct {
	webhook *admission.Webhook
	metrics *Metrics
	log     *slog.Logger

	incomplete rate.Sometimes // logs bodies that do not come in full
}

// NewEndpoint serves a handler over HTTP, at Path and its like. It reads a body of any size: that is for who calls it to bound.
func NewEndpoint(h *Handler) http.Handler {
	// controller-runtime would make a logger for each review, with what it is about written out, and nobody logs with it
	same := func(base logr.Logger, _ *admission.Request) logr.Logger { return base }
	return &endpoint{
		webhook: &admission.Webhook{Handler: h, LogConstructor: same}, metrics: h.Metrics, log: h.Log,
		incomplete: rate.Sometimes{Interval: incompleteInterval},
	}
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	review, err := readReview(r)
	if err != nil {
		e.metrics.badRequests.Inc()
		e.logBad(r, err)
		e.respond(w, http.StatusBadRequest, admission.Errored(http.StatusBadRequest, fmt.Errorf("expected an AdmissionReview of %s: %w", admissionv1.SchemeGroupVersion, err)))
		return
	}
	e.respond(w, http.StatusOK, e.webhook.Handle(r.Context(), admission.Request{AdmissionRequest: *review.Request}))
}

// logBad never logs the body, nor an error that quotes it. Who hangs up or sends too slowly can do so many times a second.
func (e *endpoint) logBad(r *http.Request, err error) {
	if !errors.Is(err, errIncomplete) {
		e.log.Error("bad request: not an AdmissionReview", "contentLength", r.ContentLength)
		return
	}
	e.incomplete.Do(func() {
		e.log.Info("bad request: the body did not come in full; others like it are counted only", "contentLength", r.ContentLength)
	})
}

func readReview(r *http.Request) (*admissionv1.AdmissionReview, error) {
	if r.Method != http.MethodPost {
		return nil, errors.New("method is not POST")
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, errors.New("content type is not application/json")
	}
	var review admissionv1.AdmissionReview
	err := jsonv2.UnmarshalRead(r.Body, &review, asTheAPIServer())
	var (
		tooLarge *http.MaxBytesError
		syntax   *json.SyntaxError
		shape    *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &tooLarge):
		return nil, fmt.Errorf("body is larger than %d bytes", tooLarge.Limit)
	case errors.As(err, &syntax) && r.ContentLength == 0:
		return nil, errors.New("body is empty")
	case errors.As(err, &syntax) || errors.As(err, &shape):
		return nil, fmt.Errorf("body is not one: %w", err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errIncomplete, err)
	case review.APIVersion != admissionv1.SchemeGroupVersion.String() || review.Kind != "AdmissionReview":
		return nil, errors.New("body has another apiVersion or kind")
	case review.Request == nil || review.Request.UID == "":
		return nil, errors.New("body has no request with a uid")
	}
	return &review, nil
}

// asTheAPIServer has JSON read as the API server reads it: as ever in Go, but a field has one spelling.
func asTheAPIServer() jsonv2.Options {
	return jsonv2.JoinOptions(json.DefaultOptionsV1(), jsonv2.MatchCaseInsensitiveNames(false))
}

func (e *endpoint) respond(w http.ResponseWriter, code int, resp admission.Response) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	err := json.NewEncoder(w).Encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Response: &resp.AdmissionResponse,
	})
	if err != nil {
		e.log.Error("response not written", "error", err)
	}
}
