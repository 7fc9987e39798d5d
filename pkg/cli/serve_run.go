package cli

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// run serves until the context ends. An error is one line and means that serving did not start, or
// that it could not go on.
func (o *serveOptions) run(ctx context.Context, logger *slog.Logger) error {
	policies, err := policy.Open(o.config, o.private)
	if err != nil {
		return err
	}
	warnOfNoPrivateRegistry(logger, policies.Current())
	api, err := connect(o.kubeconfig, logger)
	if err != nil {
		return err
	}
	monitor, files, err := o.newMonitor(api, logger)
	if err != nil {
		return err
	}
	registry := newRegistry()
	monitor.Register(registry)
	metrics := admission.NewMetrics(registry, policies.Since)
	handler := &admission.Handler{Policy: policies.Current, Metrics: metrics, Log: logger}
	if api != nil {
		handler.Reader, handler.Lister = api, api
	}
	health := &health{certificate: monitor.Ready}
	server := newWebhookServer(o.host, o.port, monitor, health.closing(admission.NewEndpoint(handler)), logger)
	exposition, secure, err := o.newMetrics(registry, api, monitor, logger)
	if err != nil {
		return wrap("metrics server", err)
	}

	// Servers live on a context of their own: at the end, readiness fails first, and they go on for the
	// delay, because endpoints still point here.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(serving)
	start := func(what string, serve func(context.Context) error) {
		group.Go(func() error { return wrap(what, serve(serving)) })
	}
	start("webhook server", func(ctx context.Context) error { return serveReviews(ctx, server, health.start) })
	start("health server", func(ctx context.Context) error { return health.serve(ctx, o.healthAddress, logger) })
	if o.metricsAddress != "0" {
		start("metrics server", func(ctx context.Context) error { return serveUntil(ctx, o.metricsAddress, exposition, secure, logger) })
	}
	if o.pprofAddress != "" {
		start("profiling server", func(ctx context.Context) error { return serveProfiles(ctx, o.pprofAddress, logger) })
	}
	if files != nil {
		group.Go(func() error { files(serving); return nil })
	}
	group.Go(func() error { monitor.Run(serving, o.checkInterval); return nil })
	group.Go(func() error {
		policies.Watch(serving, fileInterval, func(err error) {
			metrics.PolicyReloaded(err)
			logReload(logger, policies.Current(), err)
		})
		return nil
	})
	group.Go(func() error { o.awaitEnd(ctx, serving, health, logger); stop(); return nil })
	return group.Wait()
}

// awaitEnd returns when serving may stop: the delay after the context's end, or at once if a server has failed.
func (o *serveOptions) awaitEnd(ctx, serving context.Context, health *health, logger *slog.Logger) {
	select {
	case <-serving.Done():
		return
	case <-ctx.Done():
	}
	health.drain()
	logger.Info("draining", "delay", o.shutdownDelay.String())
	select {
	case <-time.After(o.shutdownDelay):
	case <-serving.Done():
	}
}

func logReload(logger *slog.Logger, current *policy.Policy, err error) {
	if err != nil {
		logger.Error("policy refused, the last good one stays in force", "error", err)
		return
	}
	logger.Info("policy loaded")
	warnOfNoPrivateRegistry(logger, current)
}

func warnOfNoPrivateRegistry(logger *slog.Logger, current *policy.Policy) {
	if len(current.PrivateRegistries) == 0 {
		logger.Warn(noPrivateRegistry)
	}
}
