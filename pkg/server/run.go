package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say what is served, and where.
type Options struct {
	// Reviews answers at ReviewAddress, over TLS, behind Limit with TurnedAway.
	Reviews       http.Handler
	ReviewAddress string
	TurnedAway    func()
	// Certificate is the one to present now; nil while there is none.
	Certificate func() *tls.Certificate

	// ProbeAddress is where /healthz and /readyz answer. Ready says why a review would get no answer, if it would not.
	ProbeAddress string
	Ready        func() error

	// Metrics answers at MetricsAddress, with the certificate if MetricsTLS says so. An empty address is for none.
	Metrics        http.Handler
	MetricsAddress string
	MetricsTLS     bool

	// Delay is how long serving goes on after the end has come and readiness has failed.
	Delay time.Duration
	Log   *slog.Logger
}

// Run serves until the context ends, and then for the delay, because endpoints still point here, until all that has begun is
// answered. An error means that serving did not start, or that it could not go on.
func Run(ctx context.Context, o Options) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(serving)
	start := func(name string, server *http.Server, listening func()) {
		group.Go(func() error {
			if err := serve(serving, server, listening); err != nil {
				return fmt.Errorf("%s server: %w", name, err)
			}
			return nil
		})
	}
	probes, nothing := &probes{ready: o.Ready}, func() {}
	start("webhook", newServer(o.ReviewAddress, probes.closing(Limit(o.Reviews, o.TurnedAway)), o.Certificate, o.Log), func() { probes.serving.Store(true) })
	start("health", newServer(o.ProbeAddress, probes.handler(), nil, o.Log), nothing)
	if o.MetricsAddress != "" {
		certificate := o.Certificate
		if !o.MetricsTLS {
			certificate = nil
		}
		start("metrics", newServer(o.MetricsAddress, o.Metrics, certificate, o.Log), nothing)
	}
	group.Go(func() error {
		defer stop()
		probes.drain(ctx, serving, o)
		return nil
	})
	return group.Wait()
}

// drain returns when serving may stop: the delay after the context's end, or at once if a server has failed.
func (p *probes) drain(ctx, serving context.Context, o Options) {
	select {
	case <-serving.Done():
		return
	case <-ctx.Done():
	}
	p.draining.Store(true)
	o.Log.Info("draining", "delay", o.Delay.String())
	select {
	case <-time.After(o.Delay):
	case <-serving.Done():
	}
}
