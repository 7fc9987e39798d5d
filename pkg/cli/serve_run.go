package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/server"
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
	monitor, err := o.newMonitor(api, logger)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	monitor.Register(registry)
	metrics := admission.NewMetrics(registry, policies.Since)
	handler := &admission.Handler{Policy: policies.Current, Metrics: metrics, Log: logger}
	if api != nil {
		handler.Reader, handler.Lister = api, api
	}
	exposition, err := o.newMetrics(registry, api, logger)
	if err != nil {
		return err // of --metrics-secure
	}
	reviews := http.NewServeMux()
	endpoint := admission.NewEndpoint(handler)
	for _, path := range []string{admission.Path, admission.ConfigMapPath, admission.SecretPath, admission.DaemonSetPath} {
		reviews.Handle(path, endpoint)
	}

	// Serving goes on after the context's end, and so does all that it needs.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer stop()
	tasks.Go(func() { monitor.Run(background, o.checkInterval) })
	tasks.Go(func() {
		policies.Watch(background, policyInterval, func(err error) {
			metrics.PolicyReloaded(err)
			logReload(logger, policies.Current(), err)
		})
	})
	options := server.Options{
		Reviews: reviews, ReviewAddress: net.JoinHostPort(o.host, strconv.Itoa(o.port)), TurnedAway: metrics.TurnedAway,
		Certificate: monitor.Served, ProbeAddress: o.healthAddress, Ready: monitor.Ready,
		Metrics: exposition, MetricsTLS: o.metricsSecure, Delay: o.shutdownDelay, Log: logger,
	}
	if o.metricsAddress != "0" {
		options.MetricsAddress = o.metricsAddress
	}
	return server.Run(ctx, options)
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

// newMetrics returns what answers at /metrics. If it is secure, the API server is asked who a token belongs to and whether that
// may get /metrics.
func (o *serveOptions) newMetrics(registry prometheus.Gatherer, api client.Writer, logger *slog.Logger) (http.Handler, error) {
	const path = "/metrics"
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
	if o.metricsSecure {
		if api == nil {
			return nil, errors.New("--metrics-secure asks the API server about tokens: outside of a cluster, it needs --kubeconfig")
		}
		metrics = server.Authorized(metrics, path, api, logger)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+path, metrics)
	return mux, nil
}
