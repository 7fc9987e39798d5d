package server

import (
	"container/list"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"golang.org/x/time/rate"
)

// maxConnections bounds the connections to one port that wait for a request, and as many more that have one. An API server opens one
// for each review that is under way.
const maxConnections = 512

// connections are those to one port. Beyond the bound the one is closed that has waited, or has had its request, the longest. A
// limit that turned new ones away would be worse than none: who holds on to as many would keep the API server out.
type connections struct {
	mu              sync.Mutex
	waiting, active list.List // of net.Conn, the longest first
	place           map[net.Conn]*list.Element
	crowded         *rate.Limiter // of the log; who finds it used waits for nobody
	log             *slog.Logger
}

// boundConnections is for a server that does not serve yet.
func boundConnections(server *http.Server, log *slog.Logger) {
	c := &connections{place: map[net.Conn]*list.Element{}, crowded: rate.NewLimiter(rate.Every(logInterval), 1), log: log}
	server.ConnState = c.change
}

// change is called before the server goes on with a connection, and must not block.
func (c *connections) change(conn net.Conn, state http.ConnState) {
	oldest := c.move(conn, state)
	if oldest == nil {
		return
	}
	if t, ok := oldest.(*tls.Conn); ok {
		oldest = t.NetConn() // without the goodbye of TLS, which may have to wait
	}
	_ = oldest.Close()
	if c.crowded.Allow() {
		c.log.Warn("too many connections: the oldest was closed; others are not logged", "bound", maxConnections, "withRequest", state == http.StateActive)
	}
}

// move returns the connection that has to make way, if any.
func (c *connections) move(conn net.Conn, state http.ConnState) (oldest net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.remove(conn) && state != http.StateNew {
		return nil // it made way already
	}
	var to *list.List
	switch state {
	case http.StateNew, http.StateIdle:
		to = &c.waiting
	case http.StateActive:
		to = &c.active
	default: // it has ended
		return nil
	}
	c.place[conn] = to.PushBack(conn)
	if to.Len() <= maxConnections {
		return nil
	}
	oldest = to.Front().Value.(net.Conn)
	c.remove(oldest)
	return oldest
}

// remove reports whether the connection was there.
func (c *connections) remove(conn net.Conn) bool {
	place, there := c.place[conn]
	if there {
		c.waiting.Remove(place)
		c.active.Remove(place) // no more than a look at a list that it isn't in
		delete(c.place, conn)
	}
	return there
}
