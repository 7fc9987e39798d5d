package cli

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

// health answers the probes. Liveness says that the process answers, and dials nothing.
type health struct {
	draining atomic.Bool
	started  healthz.Checker
}

func newHealth(started healthz.Checker) *health { return &health{started: started} }

// drain makes readiness fail for good.
func (h *health) drain() { h.draining.Store(true) }

func (h *health) ready(req *http.Request) error {
	if h.draining.Load() {
		return errors.New("draining")
	}
	return h.started(req)
}

// serve answers at /healthz and /readyz until the context ends.
func (h *health) serve(ctx context.Context, address string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/healthz", http.StripPrefix("/healthz", &healthz.Handler{}))
	mux.Handle("/readyz", http.StripPrefix("/readyz", &healthz.Handler{Checks: map[string]healthz.Checker{"serving": h.ready}}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-ctx.Done()
		_ = server.Close() // probes hold nothing worth a wait
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-closed
	return nil
}
