package server

import (
	"crypto/tls"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
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
	turn            int
	waiting, active map[net.Conn]int // since which turn
	crowded         *rate.Limiter    // of the log; who finds it used waits for nobody
	log             *slog.Logger
}

// boundConnections is for a server that does not serve yet.
func boundConnections(server *http.Server, log *slog.Logger) {
	c := &connections{waiting: map[net.Conn]int{}, active: map[net.Conn]int{}, crowded: rate.NewLimiter(rate.Every(logInterval), 1), log: log}
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
	known := len(c.waiting) + len(c.active)
	delete(c.waiting, conn)
	delete(c.active, conn)
	if known == len(c.waiting)+len(c.active) && state != http.StateNew {
		return nil // it made way already
	}
	to := c.waiting
	switch state {
	case http.StateNew, http.StateIdle:
	case http.StateActive:
		to = c.active
	default: // it has ended
		return nil
	}
	c.turn++
	to[conn] = c.turn
	if len(to) <= maxConnections {
		return nil
	}
	oldest = slices.MinFunc(slices.Collect(maps.Keys(to)), func(a, b net.Conn) int { return to[a] - to[b] })
	delete(to, oldest)
	return oldest
}
