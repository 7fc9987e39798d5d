package server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// The API server's side of an idle connection has to be the one that ends it. Its webhook clients have the defaults of
// this very library.
func TestTheAPIServerClosesIdleConnections(t *testing.T) {
	t.Parallel()
	client := utilnet.SetTransportDefaults(&http.Transport{}).IdleConnTimeout
	if server := newServer("", nil, nil, slog.New(slog.DiscardHandler)).IdleTimeout; client == 0 || server < client+time.Minute {
		t.Errorf("the webhook closes after %s, the API server after %s: want a minute more", server, client)
	}
}

// listening is a server of ours on a free port of loopback, with a certificate of httptest.
func listening(t *testing.T, handler http.Handler, change func(*http.Server)) (address string) {
	t.Helper()
	other := httptest.NewUnstartedServer(nil)
	other.StartTLS()
	t.Cleanup(other.Close)
	certificate := &other.TLS.Certificates[0]
	server := newServer("127.0.0.1:0", handler, func() *tls.Certificate { return certificate }, slog.New(slog.DiscardHandler))
	change(server)
	listener, err := net.Listen("tcp", server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return listener.Addr().String()
}

func dial(t *testing.T, address string, protocols ...string) (*tls.Conn, error) {
	t.Helper()
	dialer := &tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*tls.Conn), nil
}

// HTTP/2 is not spoken, in which one connection may hold many requests, and begin and reset any number.
func TestProtocol(t *testing.T) {
	t.Parallel()
	address := listening(t, http.NotFoundHandler(), func(*http.Server) {})
	conn, err := dial(t, address, "h2", "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("%q is spoken", got)
	}
	if _, err := dial(t, address, "h2"); err == nil {
		t.Error("HTTP/2 is spoken")
	}
}

// A body that was announced and does not come, or comes too slowly, ends the request.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 1)
	handler := Limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		errs <- err
	}), func() { t.Error("turned away") })
	address := listening(t, handler, func(s *http.Server) { s.ReadTimeout /= 10 })
	conn, err := dial(t, address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err == nil {
		t.Error("it came in full")
	}
}

// A header has 8 KiB, and one that is larger is answered so.
func TestLargeHeader(t *testing.T) {
	t.Parallel()
	address := listening(t, http.NotFoundHandler(), func(*http.Server) {})
	for size, want := range map[int]int{maxHeader - 200: http.StatusNotFound, 2 * maxHeader: http.StatusRequestHeaderFieldsTooLarge} {
		conn, err := dial(t, address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("a", size)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %s, want %d", size, resp.Status, want)
		}
	}
}

// Connections that send nothing, or are kept after a request, keep nobody out, and only so many stay.
func TestManyIdleConnections(t *testing.T) {
	t.Parallel()
	address := listening(t, http.NotFoundHandler(), func(*http.Server) {})
	const more = 20
	closed := make(chan struct{}, maxConnections+more)
	for range maxConnections + more {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			closed <- struct{}{}
		}()
	}
	for range more { // of those that came first
		<-closed
	}
	conn, err := dial(t, address)
	if err != nil {
		t.Fatalf("beside them: %v", err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("beside them: %v", err)
	}
	_ = resp.Body.Close()
}
