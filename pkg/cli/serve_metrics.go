package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/spegel-guard/spegel-guard/pkg/certificate"
)

// newMetricsServer returns nil if no metrics are asked for. Secure means TLS with the webhook's own
// certificate, and that the API server is asked who a token belongs to and whether that may get /metrics.
func (o *serveOptions) newMetricsServer(config *rest.Config, monitor *certificate.Monitor) (metricsserver.Server, error) {
	options := metricsserver.Options{BindAddress: o.metricsAddress}
	var httpClient *http.Client
	if o.metricsSecure {
		if config == nil {
			return nil, errors.New("--metrics-secure asks the API server about tokens: it needs a --kubeconfig outside of a cluster")
		}
		options.SecureServing = true
		options.TLSOpts = []func(*tls.Config){tlsOf(monitor)}
		options.FilterProvider = filters.WithAuthenticationAndAuthorization
		var err error
		if httpClient, err = rest.HTTPClientFor(config); err != nil {
			return nil, wrap("metrics server", err)
		}
	}
	server, err := metricsserver.NewServer(options, config, httpClient)
	return server, wrap("metrics server", err)
}

// serveProfiles answers at /debug/pprof until the context ends. It has no access control: what a profile
// shows is for whoever can reach the address.
func serveProfiles(ctx context.Context, address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return serveUntil(ctx, address, mux)
}

// serveUntil serves plain HTTP until the context ends. It waits for no request: probes and profiles hold
// nothing worth a wait.
func serveUntil(ctx context.Context, address string, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	boundConnections(server)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-closed
	return nil
}
