package admission

import (
	"encoding/json"
	jsonv2 "encoding/json/v2"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// logInterval is how often it is logged what a client can make happen many times a second.
const logInterval = 10 * time.Second

// endpoint reads reviews off HTTP. It stands in for that part of controller-runtime's webhook, which logs what it can't decode, accepts
// any JSON object as a review and counts nothing. A panic ends in Handler: controller-runtime would put its value into the answer.
type endpoint struct {
	webhook *admission.Webhook
	handler *Handler
	bad     rate.Sometimes // logs what is no review
}

// NewEndpoint serves a handler over HTTP, at Path and its like. It reads a body of any size: that is for who calls it to bound.
func NewEndpoint(h *Handler) http.Handler {
	// controller-runtime would make a logger for each review, with what it is about written out, and nobody logs with it
	same := func(base logr.Logger, _ *admission.Request) logr.Logger { return base }
	return &endpoint{webhook: &admission.Webhook{Handler: h, LogConstructor: same}, handler: h, bad: rate.Sometimes{Interval: logInterval}}
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var resp admission.Response
	code := http.StatusOK
	if review, err := readReview(r); err == nil {
		resp = e.webhook.Handle(r.Context(), admission.Request{AdmissionRequest: *review.Request})
	} else {
		code = http.StatusBadRequest
		resp = admission.Errored(http.StatusBadRequest, fmt.Errorf("expected an AdmissionReview of %s: %w", admissionv1.SchemeGroupVersion, err))
		e.handler.Metrics.badRequests.Inc()
		e.bad.Do(func() { // never the body, nor an error that quotes it
			e.handler.Log.Info("bad request: not an AdmissionReview, or not in full; others like it are counted only", "contentLength", r.ContentLength)
		})
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	err := json.NewEncoder(w).Encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"}, Response: &resp.AdmissionResponse,
	})
	if err != nil {
		e.handler.Log.Error("response not written", "error", err)
	}
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
		return nil, fmt.Errorf("body is not JSON of that form: %w", err)
	case err != nil:
		return nil, fmt.Errorf("body could not be read: %w", err)
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
