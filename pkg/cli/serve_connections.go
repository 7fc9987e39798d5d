package cli

import (
	"container/list"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxConnections bounds the connections to one server that wait for a request, and those of HTTP/1.1 with one.
	maxConnections = 512
	// maxReviewing bounds those of HTTP/1.1 with a request to the webhook. An API server opens one for each review that is under
	// way, as it speaks HTTP/1.1 to a Service. It is well above the reviews that have room, so that it is not they who make way
	// but who sends slowly, and that a review too many is turned away with an answer.
	maxReviewing = 2048
	// maxHTTP2 bounds those of HTTP/2 with requests, which take most by far: up to maxStreams each.
	maxHTTP2 = 64
	// crowdedInterval is how often it is logged that a connection made way for its like.
	crowdedInterval = 10 * time.Second
)

// connections are those to one server. Beyond a bound the one makes way that has waited, or has had requests, the longest. So
// nobody who holds on to connections keeps the API server out.
type connections struct {
	mu                    sync.Mutex
	waiting, http1, http2 like
	place                 map[net.Conn]*list.Element
	fresh                 map[net.Conn]bool // those that nothing was heard of yet
	log                   *slog.Logger
}

// like are the connections that make way for each other.
type like struct {
	list.List // of net.Conn, the longest first

	what    string
	most    int
	crowded *rate.Limiter // of the log; who finds it used waits for nobody
}

// boundConnections is for a server that does not serve yet. It may have so many of HTTP/1.1 with a request.
func boundConnections(server *http.Server, http1 int, logger *slog.Logger) {
	often := func() *rate.Limiter { return rate.NewLimiter(rate.Every(crowdedInterval), 1) }
	c := &connections{
		waiting: like{what: "without a request", most: maxConnections, crowded: often()},
		http1:   like{what: "HTTP/1.1 with a request", most: http1, crowded: often()},
		http2:   like{what: "HTTP/2 with requests", most: maxHTTP2, crowded: often()},
		place:   map[net.Conn]*list.Element{}, fresh: map[net.Conn]bool{}, log: logger.With("address", server.Addr),
	}
	server.ConnState = c.change
}

// change is called before the server goes on with a connection, and must not block.
func (c *connections) change(conn net.Conn, state http.ConnState) {
	if of := c.move(conn, state); of != nil && of.crowded.Allow() {
		c.log.Warn("too many connections: the oldest made way; others like it are not logged", "connections", of.what, "bound", of.most)
	}
}

// move returns where one had to make way.
func (c *connections) move(conn net.Conn, state http.ConnState) (crowded *like) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.place[conn]
	greets := state == http.StateActive && c.fresh[conn] && isHTTP2(conn) // is active for a moment, without a request
	c.remove(conn)
	switch {
	case state == http.StateNew:
		c.fresh[conn] = true
		return c.add(&c.waiting, conn)
	case known && (greets || state == http.StateIdle):
		return c.add(&c.waiting, conn)
	case known && state == http.StateActive && isHTTP2(conn):
		return c.add(&c.http2, conn)
	case known && state == http.StateActive:
		return c.add(&c.http1, conn)
	}
	return nil
}

// add closes the first if there are too many, and then returns its like.
func (c *connections) add(to *like, conn net.Conn) (crowded *like) {
	c.place[conn] = to.PushBack(conn)
	if to.Len() <= to.most {
		return nil
	}
	first := to.Front().Value.(net.Conn)
	c.remove(first)
	if t, ok := first.(*tls.Conn); ok {
		first = t.NetConn() // without the goodbye of TLS, which may have to wait
	}
	_ = first.Close()
	return to
}

func (c *connections) remove(conn net.Conn) {
	if place, known := c.place[conn]; known {
		for _, of := range []*like{&c.waiting, &c.http1, &c.http2} {
			of.Remove(place) // no more than a look at a list that it isn't in
		}
		delete(c.place, conn)
		delete(c.fresh, conn)
	}
}

// isHTTP2 is for what TLS has agreed on.
func isHTTP2(conn net.Conn) bool {
	t, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && t.ConnectionState().NegotiatedProtocol == "h2"
}
