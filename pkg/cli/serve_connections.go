package cli

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

const (
	// maxConnections bounds the connections to one server that wait for a request, and those of HTTP/1.1 with one. An API server
	// opens one for each review that is under way: to a Service it speaks HTTP/1.1.
	maxConnections = 512
	// maxHTTP2 bounds those of HTTP/2 with requests, which take most by far: up to maxStreams each.
	maxHTTP2 = 64
)

// connections are those to one server. Beyond a bound the one makes way that has waited, or has had requests, the longest. So
// nobody who holds on to connections keeps the API server out.
type connections struct {
	mu                    sync.Mutex
	waiting, http1, http2 list.List // of net.Conn, the longest first
	place                 map[net.Conn]*list.Element
}

// boundConnections is for a server that does not serve yet.
func boundConnections(server *http.Server) {
	server.ConnState = (&connections{place: map[net.Conn]*list.Element{}}).change
}

// change is called before the server goes on with a connection, and must not block.
func (c *connections) change(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.place[conn]
	c.remove(conn)
	switch {
	case state == http.StateNew || known && state == http.StateIdle:
		c.add(&c.waiting, conn, maxConnections)
	case known && state == http.StateActive && isHTTP2(conn):
		c.add(&c.http2, conn, maxHTTP2)
	case known && state == http.StateActive:
		c.add(&c.http1, conn, maxConnections)
	}
}

// add closes the first if there are too many.
func (c *connections) add(to *list.List, conn net.Conn, most int) {
	c.place[conn] = to.PushBack(conn)
	if to.Len() <= most {
		return
	}
	first := to.Front().Value.(net.Conn)
	c.remove(first)
	if t, ok := first.(*tls.Conn); ok {
		first = t.NetConn() // without the goodbye of TLS, which may have to wait
	}
	_ = first.Close()
}

func (c *connections) remove(conn net.Conn) {
	if place, known := c.place[conn]; known {
		for _, of := range []*list.List{&c.waiting, &c.http1, &c.http2} {
			of.Remove(place) // no more than a look at a list that it isn't in
		}
		delete(c.place, conn)
	}
}

// isHTTP2 is for a connection that a request has come on, after what TLS agrees on.
func isHTTP2(conn net.Conn) bool {
	t, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && t.ConnectionState().NegotiatedProtocol == "h2"
}
