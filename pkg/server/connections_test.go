package server

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A connection too many has the one closed that waited the longest, or that has had its request the longest: each its like.
func TestTheOldestConnectionMakesWay(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	change := newServer("a:1", http.NotFoundHandler(), nil, slog.New(slog.NewTextHandler(&log, nil))).ConnState
	var closed []string
	open := func(name string, states ...http.ConnState) net.Conn {
		conn := &named{name: name, closed: &closed}
		for _, state := range append([]http.ConnState{http.StateNew}, states...) {
			change(conn, state)
		}
		return conn
	}
	were := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, closed); diff != "" {
			t.Fatalf("closed (-want +got):\n%s", diff)
		}
	}
	first, second := open("first", http.StateActive, http.StateIdle), open("second")
	change(first, http.StateActive) // and waits again, after the second
	change(first, http.StateIdle)
	third, fourth := open("third", http.StateActive), open("fourth", http.StateActive)
	for range maxConnections - 2 {
		open("one that waits")
		open("one that asks", http.StateActive)
	}
	were("second")         // as each that asks waited for a moment
	open("one that waits") // in its place
	open("one that waits")
	were("second", "first")
	open("one that asks", http.StateActive)
	were("second", "first", "one that waits", "third")
	for _, conn := range []net.Conn{first, second, third} { // what goes on with these counts no more
		change(conn, http.StateIdle)
		change(conn, http.StateActive)
	}
	change(fourth, http.StateClosed)
	were("second", "first", "one that waits", "third")
	change(open("one that waits"), http.StateActive) // in the place of the fourth
	were("second", "first", "one that waits", "third")
	if n := strings.Count(log.String(), "too many connections"); n != 1 || !strings.Contains(log.String(), "bound=512") || !strings.Contains(log.String(), "address=a:1") {
		t.Errorf("%d lines in the log, want one:\n%s", n, log.String())
	}
}

// named is a connection that notes when it is closed.
type named struct {
	net.Conn

	name   string
	closed *[]string
}

func (c *named) Close() error {
	*c.closed = append(*c.closed, c.name)
	return io.EOF
}
