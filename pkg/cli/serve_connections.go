package cli

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// maxConnections bounds the connections to one server. An idle one of HTTP/2 takes 36 KiB. An API server without a connection opens
// one for each review that is due, before it learns that they fit into a few: as many as reviews that are under way here.
const maxConnections = 512

// connections are those to one server. Beyond the bound one makes way: that which has waited for a request the longest, or,
// if no other waits, that which has had one the longest. So nobody who holds on to connections keeps the API server out.
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
		c.place[conn] = c.waiting.PushBack(conn)
	case known && state == http.StateActive:
		c.place[conn] = c.busy.PushBack(conn)
	}
	if len(c.place) > maxConnections {
		c.drop()
	}
}

// drop closes a connection, other than the newest.
func (c *connections) drop() {
	from := &c.waiting
	if from.Len() == 1 {
		from = &c.busy
	}
	conn := from.Front().Value.(net.Conn)
	c.remove(conn)
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // without the goodbye of TLS, which may have to wait
	}
	_ = conn.Close()
}

func (c *connections) remove(conn net.Conn) {
	if place, known := c.place[conn]; known {
		c.waiting.Remove(place) // no more than a look at the list that it isn't in
		c.busy.Remove(place)
		delete(c.place, conn)
	}
}
