package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// readTimeout bounds a TLS handshake, a header, and a request with its body, which an API server sends in one go.
	readTimeout = 10 * time.Second
	// writeTimeout is how long a request may take, from its header to its answer's last byte.
	writeTimeout = 15 * time.Second
	// idleTimeout is how long a connection may wait for the next request. An API server keeps one for 90 seconds
	// (k8s.io/apimachinery/pkg/util/net gives its clients the IdleConnTimeout of http.DefaultTransport) and must be the one
	// that ends it: a review that is sent while this side closes the connection fails, as a POST is not tried again.
	idleTimeout = 3 * time.Minute
	// maxHeader bounds a header, in bytes. A token takes most of one that asks for metrics.
	maxHeader = 8 << 10
	// drainTimeout bounds the wait for requests that have begun.
	drainTimeout = 20 * time.Second
)

// newServer speaks TLS where there is a certificate. It does not speak HTTP/2, in which one connection holds many requests: an API
// server does not speak it to a webhook either, so that it can spread reviews over replicas.
func newServer(address string, handler http.Handler, certificate func() *tls.Certificate, log *slog.Logger) *http.Server {
	log = log.With("address", address)
	server := &http.Server{
		Addr: address, Handler: handler, Protocols: &http.Protocols{}, MaxHeaderBytes: maxHeader,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
	}
	server.Protocols.SetHTTP1(true)
	if certificate != nil {
		server.TLSConfig = &tls.Config{
			MinVersion: tls.VersionTLS13, // which every API server that knows match conditions speaks
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				if cert := certificate(); cert != nil {
					return cert, nil
				}
				return nil, errors.New("there is no certificate yet")
			},
		}
	}
	boundConnections(server, log)
	logErrors(server, log)
	return server
}

// serve serves until the context ends, and then answers what has begun. It calls listening when connections are taken.
func serve(ctx context.Context, server *http.Server, listening func()) error {
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
	if server.TLSConfig != nil {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-drained
}
