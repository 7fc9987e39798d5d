package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/certificate"
	"github.com/spegel-guard/spegel-guard/pkg/server"
)

// maxRequest bounds the header of a request to a server for probes, metrics or profiles, in bytes. A token takes most of it.
const maxRequest = 8 << 10

// newRegistry has what every Go program can say of itself.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// newMetrics returns what answers at /metrics, with TLS if it is secure: that with the webhook's own certificate, and the API
// server is asked who a token belongs to and whether that may get /metrics.
func (o *serveOptions) newMetrics(registry prometheus.Gatherer, api client.Writer, monitor *certificate.Monitor, logger *slog.Logger) (http.Handler, *tls.Config, error) {
	const path = "/metrics"
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
	if !o.metricsSecure {
		mux.Handle("GET "+path, metrics)
		return mux, nil, nil
	}
	if api == nil {
		return nil, nil, errors.New("--metrics-secure asks the API server about tokens: it needs a --kubeconfig outside of a cluster")
	}
	mux.Handle("GET "+path, server.Authorized(metrics, path, api, logger))
	secure := &tls.Config{}
	tlsOf(monitor)(secure)
	return mux, secure, nil
}

// serveProfiles answers at /debug/pprof until the context ends. It has no access control: what a profile
// shows is for whoever can reach the address.
func serveProfiles(ctx context.Context, address string, logger *slog.Logger) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return serveUntil(ctx, address, mux, nil, logger)
}

// serveUntil serves HTTP until the context ends, in plain text if there is no TLS. It waits for no request: probes, metrics and
// profiles hold nothing worth a wait. HTTP/2 would let one connection hold many requests.
func serveUntil(ctx context.Context, address string, handler http.Handler, secure *tls.Config, logger *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr: address, Handler: handler, TLSConfig: secure, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: maxRequest, Protocols: &http.Protocols{},
	}
	server.Protocols.SetHTTP1(true)
	boundConnections(server, maxConnections, logger)
	logErrors(server, logger)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-ctx.Done()
		_ = server.Close()
	}()
	serve := server.Serve
	if secure != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-closed
	return nil
}
