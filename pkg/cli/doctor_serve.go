package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/spegel-guard/spegel-guard/pkg/node"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// minInterval keeps doctor from being a load on the node and the registry.
const minInterval = 10 * time.Second

// doctorMetrics are what the last examination found.
type doctorMetrics struct {
	outcome *prometheus.GaugeVec
	last    prometheus.Gauge
	failed  prometheus.Counter
}

func newDoctorMetrics(registry prometheus.Registerer) *doctorMetrics {
	with := promauto.With(registry)
	return &doctorMetrics{
		outcome: with.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spegel_guard_doctor_check", Help: "Outcome of each check of the node: 1 for the status it has, 0 for the others.",
		}, []string{"check", "status"}),
		last: with.NewGauge(prometheus.GaugeOpts{
			Name: "spegel_guard_doctor_last_run_timestamp_seconds", Help: "When the last examination ended.",
		}),
		failed: with.NewCounter(prometheus.CounterOpts{
			Name: "spegel_guard_doctor_failed_runs_total", Help: "Examinations that could not be done; the log says why.",
		}),
	}
}

func (m *doctorMetrics) observe(e *report.Examination) {
	for _, c := range e.Checks {
		for _, s := range node.Statuses() {
			value := 0.0
			if c.Status == s {
				value = 1
			}
			m.outcome.WithLabelValues(c.Check, string(s)).Set(value)
		}
	}
	m.last.SetToCurrentTime()
}

// serve examines until the context ends.
func (o *doctorOptions) serve(ctx context.Context, stderr io.Writer) error {
	logger := slog.New(slog.NewJSONHandler(stderr, nil))
	registry := prometheus.NewRegistry()
	metrics := newDoctorMetrics(registry)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.metricsAddress)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	for {
		o.examineOnce(ctx, logger, metrics)
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-time.After(o.interval):
		}
	}
}

// examineOnce reads the policy anew, since a ConfigMap's file changes while doctor runs.
func (o *doctorOptions) examineOnce(ctx context.Context, logger *slog.Logger, metrics *doctorMetrics) {
	pol, err := policy.Load(o.config, o.private)
	var all []report.Examination
	if err == nil {
		all, err = o.examine(ctx, pol)
	}
	if err != nil {
		if ctx.Err() == nil {
			metrics.failed.Inc()
			logger.Error("the node could not be examined", "error", err)
		}
		return
	}
	for i := range all {
		metrics.observe(&all[i])
		for _, c := range all[i].Checks {
			if c.Status == node.Fail || c.Status == node.Warn {
				logger.Warn("check", "check", c.Check, "status", string(c.Status), "evidence", c.Evidence, "fix", c.Fix)
			}
		}
	}
}
