package cli_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// A connection too many has the first of its like closed: of those that wait, of HTTP/1.1 with a request, and of HTTP/2.
func TestTheConnectionThatWaitsTheLongestMakesWay(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	change := cli.WebhookServer(slog.New(slog.NewTextHandler(&log, nil))).ConnState
	var dropped []string
	open := func(name, protocol string, states ...http.ConnState) net.Conn {
		conn := &closing{name: name, protocol: protocol, dropped: &dropped}
		change(conn, http.StateNew)
		if protocol == "h2" { // net/http says so when it is greeted
			change(conn, http.StateActive)
			change(conn, http.StateIdle)
		}
		for _, state := range states {
			change(conn, state)
		}
		return conn
	}
	was := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, dropped); diff != "" {
			t.Fatalf("made way (-want +got):\n%s", diff)
		}
	}
	first, second := open("first", "h2", http.StateActive, http.StateIdle), open("second", "")
	change(first, http.StateActive) // and waits again, after the second
	change(first, http.StateIdle)
	third, fourth := open("third", "h2", http.StateActive), open("fourth", "h2", http.StateActive)
	for range cli.MaxHTTP2 - 2 {
		open("busy", "h2", http.StateActive)
	}
	fifth := open("fifth", "http/1.1", http.StateActive)
	for range cli.MaxReviewing - 1 {
		open("a review", "http/1.1", http.StateActive)
	}
	for range cli.MaxConnections - 2 {
		open("another", "")
	}
	was()
	open("another", "")
	was("second")
	open("another", "")
	was("second", "first")
	change(open("busy", "h2"), http.StateActive) // it waits until it has a request
	was("second", "first", "another", "third")
	for _, conn := range []net.Conn{first, second, third} { // what goes on with these counts no more
		change(conn, http.StateIdle)
		change(conn, http.StateActive)
	}
	was("second", "first", "another", "third")
	change(fourth, http.StateClosed)
	open("busy", "h2", http.StateActive) // in its place
	was("second", "first", "another", "third")
	open("a review", "http/1.1", http.StateActive)
	was("second", "first", "another", "third", "fifth")
	change(fifth, http.StateIdle)
	was("second", "first", "another", "third", "fifth")
	for _, line := range []string{`"without a request" bound=512`, `"HTTP/1.1 with a request" bound=2048`, `"HTTP/2 with requests" bound=64`} {
		if strings.Count(log.String(), "too many connections") != 3 || !strings.Contains(log.String(), "connections="+line) {
			t.Errorf("want a line of each bound, %s, got\n%s", line, log.String())
		}
	}
}

// Many connections of HTTP/2 that begin at once close none that has requests: each is active for a moment then.
func TestConnectionsThatBeginCloseNone(t *testing.T) {
	t.Parallel()
	change := cli.WebhookServer(slog.New(slog.DiscardHandler)).ConnState
	var dropped []string
	for n := range 2 * cli.MaxHTTP2 {
		conn := &closing{name: fmt.Sprint(n), protocol: "h2", dropped: &dropped}
		change(conn, http.StateNew)
		change(conn, http.StateActive)
	}
	if len(dropped) > 0 {
		t.Errorf("made way: %q", dropped)
	}
}

// Connections that are kept after a request, and not used, keep no probe out, and only so many stay.
func TestManyIdleConnections(t *testing.T) {
	t.Parallel()
	p := serving(t, time.Hour)
	const many = cli.MaxConnections + 20
	closed := make(chan struct{}, many)
	for range many {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.health, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, conn)
			closed <- struct{}{}
		}()
	}
	for n := range many - cli.MaxConnections {
		select {
		case <-closed:
		case <-time.After(patience):
			t.Fatalf("%d were closed, want %d", n, many-cli.MaxConnections)
		}
	}
	if code := p.probe(t.Context(), "/healthz"); code != http.StatusOK {
		t.Errorf("a probe beside them: %d", code)
	}
}

// closing is a connection that notes when it is closed.
type closing struct {
	net.Conn

	name, protocol string
	dropped        *[]string
}

func (c *closing) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: c.protocol}
}

func (c *closing) Close() error {
	*c.dropped = append(*c.dropped, c.name)
	return io.EOF
}
