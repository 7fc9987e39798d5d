package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/certificate"
)

const (
	// idleTimeout is how long a connection may wait for the next review. The API server keeps one for 90 seconds
	// (k8s.io/apimachinery/pkg/util/net gives its clients the IdleConnTimeout of http.DefaultTransport) and must be the one
	// that ends it: a review that is sent while this side closes the connection fails, as a POST is not tried again.
	// controller-runtime's server has 90 seconds too, and no way to change them.
	idleTimeout = 3 * time.Minute
	// headerTimeout bounds a TLS handshake, and the header of a request.
	headerTimeout = 10 * time.Second
	// maxHeader bounds the header of a request, in bytes. That of the API server has a few hundred. Each of maxStreams may have as many.
	maxHeader = 4 << 10
	// maxStreams bounds the reviews under way on one connection of HTTP/2. An API server opens another connection for those
	// beyond, so a burst takes a few connections in place of two; Go's clients take 100 until they are told, and so are never
	// refused a stream. A server's default is 250.
	maxStreams = 100
	// maxUnread bounds the bytes of one body that have come and are not read yet. Reading stops while a large one waits for
	// room, and this much of the connection's 1 MiB leaves the rest to others.
	maxUnread = 64 << 10
	// drainTimeout bounds the wait for reviews that have begun. They have deadlines of their own, of seconds.
	drainTimeout = 20 * time.Second
)

// newWebhookServer answers reviews with the certificate that the monitor has, from memory.
func newWebhookServer(host string, port int, monitor *certificate.Monitor, reviews http.Handler, logger *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	for _, path := range []string{admission.Path, admission.ConfigMapPath, admission.SecretPath} {
		mux.Handle(path, reviews)
	}
	config := &tls.Config{}
	tlsOf(monitor)(config)
	server := &http.Server{
		Addr: net.JoinHostPort(host, strconv.Itoa(port)), Handler: mux, TLSConfig: config,
		IdleTimeout: idleTimeout, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: maxHeader,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerStream: maxUnread},
	}
	boundConnections(server, maxReviewing, logger)
	logErrors(server, logger)
	return server
}

// serveReviews serves until the context ends, and then answers what has begun. It calls listening when
// connections are taken.
func serveReviews(ctx context.Context, server *http.Server, listening func()) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", server.Addr)
	if err != nil {
		return err
	}
	listening()
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		drained <- server.Shutdown(end)
	}()
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-drained
}

// tlsOf has a server present the certificate in use. TLS 1.3 is what every API server that knows match
// conditions speaks.
func tlsOf(monitor *certificate.Monitor) func(*tls.Config) {
	return func(c *tls.Config) {
		c.MinVersion = tls.VersionTLS13
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if cert := monitor.Served(); cert != nil {
				return cert, nil
			}
			return nil, errors.New("there is no certificate yet")
		}
	}
}
