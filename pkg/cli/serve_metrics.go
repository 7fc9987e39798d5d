package cli

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/server"
)

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
