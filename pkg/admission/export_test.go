package admission

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
)

// DecodeOnly is the HTTP part with a handler that decodes the object and allows it.
func DecodeOnly() http.Handler {
	handle := func(_ context.Context, req *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		if _, err := decode(req.Object.Raw); err != nil {
			return failure(http.StatusBadRequest, err)
		}
		return &admissionv1.AdmissionResponse{Allowed: true}
	}
	return &endpoint{handle: handle, metrics: NewMetrics(prometheus.NewRegistry(), time.Now), log: slog.New(slog.DiscardHandler)}
}

// SetReadTimeout bounds the reads of a review, for tests of many.
func (h *Handler) SetReadTimeout(d time.Duration) { h.readTimeout = d }
