package admission

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// DecodeOnly is the HTTP part with a handler that decodes the object and allows it.
func DecodeOnly() http.Handler {
	h := admission.HandlerFunc(func(_ context.Context, req admission.Request) admission.Response {
		if _, err := decode(req.Object.Raw); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		return admission.Allowed("")
	})
	return &endpoint{webhook: &admission.Webhook{Handler: h}, metrics: NewMetrics(prometheus.NewRegistry(), time.Now), log: slog.New(slog.DiscardHandler)}
}

// SetReadTimeout bounds the reads of a review, for tests of many.
func (h *Handler) SetReadTimeout(d time.Duration) { h.readTimeout = d }
