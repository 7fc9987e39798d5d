package admission

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// DecodeOnly is the webhook without a chart to look for, so that all it does is to decode.
func DecodeOnly() http.Handler {
	return NewEndpoint(&Handler{
		Policy:  func() *policy.Policy { return &policy.Policy{} },
		Metrics: NewMetrics(prometheus.NewRegistry(), time.Now), Log: slog.New(slog.DiscardHandler),
	})
}

// SetReadTimeout bounds the reads of a review, for tests of many.
func (h *Handler) SetReadTimeout(d time.Duration) { h.readTimeout = d }
