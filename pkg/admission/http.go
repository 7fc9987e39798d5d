package admission

import (
	"context"
	"encoding/json"
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
	kjson "sigs.k8s.io/json"
)

// maxBody bounds a review, in bytes: two objects of at most 3 MiB each, and what is around them. It is
// the limit of controller-runtime too.
const maxBody = 7 << 20

// incompleteInterval is how often a body that does not come in full is logged.
const incompleteInterval = 10 * time.Second

// endpoint reads reviews off HTTP. It stands in for the HTTP part of controller-runtime's webhook, which
// logs what it can't decode, accepts any JSON object as a review and counts nothing; recovery from a
// panic and the response's completion stay with controller-runtime.
type endpoint struct {
	webhook *admission.Webhook
	room    room
	metrics *Metrics
	log     *slog.Logger

	incomplete rate.Sometimes // logs bodies that do not come in full
}

// NewEndpoint serves a handler over HTTP, at Path.
func NewEndpoint(h *Handler) http.Handler {
	h.values = newValues()
	// controller-runtime would make a logger for each review, with what it is about written out, and nobody logs with it
	same := func(base logr.Logger, _ *admission.Request) logr.Logger { return base }
	return &endpoint{
		webhook: &admission.Webhook{Handler: h, LogConstructor: same}, room: newRoom(), metrics: h.Metrics, log: h.Log,
		incomplete: rate.Sometimes{Interval: incompleteInterval},
	}
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // that of the last answer on this connection may be over
	code, resp, err := e.answer(w, r)
	if err != nil {
		// the API server asks again after a 429 with Retry-After, for as long as it waits for a webhook
		e.metrics.turnedAway.Inc()
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	e.respond(w, code, resp)
}

// answer reads a review and judges it. The error is errNoRoom or none. The review's room is free when it returns: who
// does not read the answer must not keep others out.
func (e *endpoint) answer(w http.ResponseWriter, r *http.Request) (code int, resp admission.Response, err error) {
	deadline := time.Now().Add(budget(r.URL.Query().Get("timeout")))
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // every server of net/http can
	body, leave, err := e.readBody(w, r)
	if errors.Is(err, errNoRoom) {
		return 0, resp, err
	}
	var review *admissionv1.AdmissionReview
	if err == nil {
		defer leave()
		review, err = decodeReview(body)
	}
	if err != nil {
		e.metrics.badRequests.Inc()
		e.logBad(r, err)
		return http.StatusBadRequest, admission.Errored(http.StatusBadRequest, fmt.Errorf("expected an AdmissionReview of %s: %w", admissionv1.SchemeGroupVersion, err)), nil
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // else a review that takes long costs the connection
	// a review that has begun is answered, also while the server shuts down, and in time for who asked
	ctx, cancel := context.WithDeadline(context.WithoutCancel(r.Context()), deadline)
	defer cancel()
	return http.StatusOK, e.webhook.Handle(ctx, admission.Request{AdmissionRequest: *review.Request}), nil
}

// budget is for how long a review may read: four fifths of the time that the API server says it waits, which is that of the
// webhook's entry.
func budget(timeout string) time.Duration {
	d, err := time.ParseDuration(timeout)
	if err != nil || d <= 0 {
		d = answerTimeout
	}
	return d * 4 / 5
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

// readBody returns the body and how to leave the room that it takes.
func (e *endpoint) readBody(w http.ResponseWriter, r *http.Request) (body []byte, leave func(), err error) {
	if r.Method != http.MethodPost {
		return nil, nil, errors.New("method is not POST")
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, nil, errors.New("content type is not application/json")
	}
	stop := func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now()) }
	body, leave, err = e.room.read(r.Context(), http.MaxBytesReader(w, r.Body, maxBody), r.ContentLength, stop)
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &tooLarge):
		err = fmt.Errorf("body is larger than %d bytes", tooLarge.Limit)
	case err != nil && !errors.Is(err, errNoRoom):
		err = fmt.Errorf("%w: %w", errIncomplete, err)
	}
	return body, leave, err
}

func decodeReview(body []byte) (*admissionv1.AdmissionReview, error) {
	if len(body) == 0 {
		return nil, errors.New("body is empty")
	}
	var review admissionv1.AdmissionReview
	if err := kjson.UnmarshalCaseSensitivePreserveInts(body, &review); err != nil {
		return nil, fmt.Errorf("body is not one: %w", err)
	}
	switch {
	case review.APIVersion != admissionv1.SchemeGroupVersion.String() || review.Kind != "AdmissionReview":
		return nil, errors.New("body has another apiVersion or kind")
	case review.Request == nil || review.Request.UID == "":
		return nil, errors.New("body has no request with a uid")
	}
	return &review, nil
}

func (e *endpoint) respond(w http.ResponseWriter, code int, resp admission.Response) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
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
