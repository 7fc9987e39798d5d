package cli_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// A connection too many has that one closed which has waited the longest, and one with a request only if no other waits.
func TestTheConnectionThatWaitsTheLongestMakesWay(t *testing.T) {
	t.Parallel()
	change := cli.WebhookServer().ConnState
	var dropped []string
	open := func(name string) net.Conn {
		conn := &closing{name: name, dropped: &dropped}
		change(conn, http.StateNew)
		return conn
	}
	first, second, third := open("first"), open("second"), open("third")
	change(first, http.StateActive)
	change(third, http.StateActive)
	change(third, http.StateIdle)
	for range cli.MaxConnections - 3 {
		change(open("busy"), http.StateActive)
	}
	if len(dropped) > 0 {
		t.Fatalf("%q made way while there was room", dropped)
	}
	for range 3 {
		change(open("busy"), http.StateActive)
	}
	for _, conn := range []net.Conn{first, second, third} { // what goes on with these counts no more
		change(conn, http.StateIdle)
		change(conn, http.StateClosed)
	}
	if diff := cmp.Diff([]string{"second", "third", "first"}, dropped); diff != "" {
		t.Errorf("made way (-want +got):\n%s", diff)
	}
	last := open("last")
	change(last, http.StateClosed)
	open("one more")
	if diff := cmp.Diff([]string{"second", "third", "first", "busy"}, dropped); diff != "" {
		t.Errorf("made way (-want +got):\n%s", diff)
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
		case <-time.After(30 * time.Second):
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

	name    string
	dropped *[]string
}

func (c *closing) Close() error {
	*c.dropped = append(*c.dropped, c.name)
	return io.EOF
}
