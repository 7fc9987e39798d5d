package cli

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

// health answers the probes. Liveness says that the process answers, and dials nothing. Readiness says that
// a review that is sent now gets its answer: the port serves, the certificate is one that the API server accepts,
// and the end has not come. That a policy is in force needs no check: nothing is served before the first
// is loaded, and a bad one never takes its place.
type health struct {
	draining    atomic.Bool
	started     healthz.Checker
	certificate func() error
}

func newHealth(started healthz.Checker, certificate func() error) *health {
	return &health{started: started, certificate: certificate}
}

// drain makes readiness fail for good.
func (h *health) drain() { h.draining.Store(true) }

func (h *health) ready(req *http.Request) error {
	if h.draining.Load() {
		return errors.New("draining")
	}
	if err := h.certificate(); err != nil {
		return err
	}
	return h.started(req)
}

// serve answers at /healthz and /readyz until the context ends.
func (h *health) serve(ctx context.Context, address string) error {
	mux := http.NewServeMux()
	mux.Handle("/healthz", http.StripPrefix("/healthz", &healthz.Handler{}))
	mux.Handle("/readyz", http.StripPrefix("/readyz", &healthz.Handler{Checks: map[string]healthz.Checker{"serving": h.ready}}))
	return serveUntil(ctx, address, mux)
}
