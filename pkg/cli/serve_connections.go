package cli

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

const (
	// maxWaiting bounds the connections to one server that wait for a request. One of HTTP/2 takes 36 KiB. An API server without a
	// connection opens one for each review that is due, before it learns that they fit into a few: as many as reviews that are
	// under way here.
	maxWaiting = 512
	// maxBusy bounds those with requests, which take most by far. One has up to maxStreams, so API servers need a few.
	maxBusy = 64
)

// connections are those to one server. Beyond a bound the one makes way that has waited, or has had requests, the longest. So
// nobody who holds on to connections keeps the API server out.
type connections struct {
	mu            sync.Mutex
	waiting, busy list.List // of net.Conn, the longest first
	place         map[net.Conn]*list.Element
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
		c.add(&c.waiting, conn, maxWaiting)
	case known && state == http.StateActive:
		c.add(&c.busy, conn, maxBusy)
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
		c.waiting.Remove(place) // no more than a look at the list that it isn't in
		c.busy.Remove(place)
		delete(c.place, conn)
	}
}
