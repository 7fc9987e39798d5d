//go:build !race

package cli_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// More connections than there may be, with large headers and bodies that stop before the end, and many whose header stops, don't take the program beyond its limit, and keep no review out.
func TestManyStalledUploads(t *testing.T) { //nolint:paralleltest // it measures what one program takes
	const most = 512 // of those with a request
	p := servingWith(t, time.Hour, []string{goMemoryLimit})
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)} // resumed ones are quicker
	pad := strings.Repeat("a", 7500)
	body := strings.Repeat("x", 32<<10-1)
	send := func(text string) {
		dialer := &tls.Dialer{NetDialer: &net.Dialer{}, Config: config}
		conn, err := dialer.DialContext(t.Context(), "tcp", u.Host)
		if err != nil { // it had to make way
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = conn.Write([]byte(text))
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 32768\r\nX-Pad: %s\r\n", u.Path, pad)
	for _, part := range []struct {
		connections int
		text        string
	}{{most, head}, {most, head + "\r\n"}, {most, head + "\r\n" + body}} {
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for range part.connections / 32 {
					send(part.text)
				}
			})
		}
		wg.Wait()
	}
	for range 20 {
		if err := p.review(t.Context()); err != nil {
			t.Errorf("a review beside them: %v", err)
		}
	}
	p.checkMemory(t)
}
