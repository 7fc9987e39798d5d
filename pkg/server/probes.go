package server

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// probes answer the kubelet. Liveness says that the process answers, and dials nothing. Readiness says that a review that is sent
// now gets its answer: the port serves, what Options.Ready looks at is as it should be, and the end has not come.
type probes struct {
	serving, draining atomic.Bool
	ready             func() error
}

func (p *probes) check() error {
	switch {
	case p.draining.Load():
		return errors.New("draining")
	case !p.serving.Load():
		return errors.New("not started")
	case p.ready() != nil:
		return errors.New("not ready: the log says why") // which is for those who may read it
	}
	return nil
}

func (p *probes) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.check(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return mux
}

// closing moves API servers to another replica in time.
//
// An API server keeps its connections to a Service's webhook and sends the next review on one of them. If that is closed at the
// same moment, the review fails: a POST is not tried again. So from the begin of the drain on, each answer is the last one of its
// connection and says so, and at the end of the delay none is left to be closed.
func (p *probes) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
