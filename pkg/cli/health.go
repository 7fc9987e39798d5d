package cli

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

// health answers the probes. Liveness says that the process answers, and dials nothing. Readiness says that
// a review that is sent now gets its answer: the port serves, the certificate is one that the API server accepts,
// and the end has not come. That a policy is in force needs no check: nothing is served before the first
// is loaded, and a bad one never takes its place.
type health struct {
	started     atomic.Bool
	draining    atomic.Bool
	certificate func() error
}

// start says that the port serves.
func (h *health) start() { h.started.Store(true) }

// drain makes readiness fail for good.
func (h *health) drain() { h.draining.Store(true) }

func (h *health) ready(*http.Request) error {
	switch {
	case h.draining.Load():
		return errors.New("draining")
	case !h.started.Load():
		return errors.New("not started")
	}
	return h.certificate()
}

// serve answers at /healthz and /readyz until the context ends.
func (h *health) serve(ctx context.Context, address string, logger *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("/healthz", http.StripPrefix("/healthz", &healthz.Handler{}))
	mux.Handle("/readyz", http.StripPrefix("/readyz", &healthz.Handler{Checks: map[string]healthz.Checker{"serving": h.ready}}))
	return serveUntil(ctx, address, mux, nil, logger)
}
